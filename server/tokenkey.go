package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"postdesk/internal/addr"
	"postdesk/store"
)

// ErrNoKey says that there are mails, and the token key is gone.
var ErrNoKey = errors.New("the token key is missing")

// TokenKeys reads the token key of a data directory, and makes one for a store that has no mail yet.
// Where there are mails a missing key is ErrNoKey, and no beginning: with another key all addresses and Message-IDs
// that people have from us would be a stranger's, and nobody would be told.
func TokenKeys(ctx context.Context, db *store.DB, dir string) (*addr.KeyRing, error) {
	path := filepath.Join(dir, KeyFile)
	keys, err := addr.LoadKeyRing(path)
	if err == nil {
		return keys, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the token key can't be used: %w: put %s back from a backup. If there is none, move the file away and run "+
			"`postdesk verify --rebuild`", err, path)
	}
	err = db.View(ctx, func(tx store.ReadTx) error {
		_, err := tx.Mail(1)
		return err
	})
	if err == nil || errors.Is(err, store.ErrErased) {
		return nil, fmt.Errorf("%w: put %s back from a backup. If there is none, `postdesk verify --rebuild` makes a new one, with which "+
			"answers to mails from before join their tickets no more by their address", ErrNoKey, path)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	return addr.LoadOrCreateKeyRing(path)
}
