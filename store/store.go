// Package store is what lasts: an engine of keys and mails with one atomic,
// durable commit, and above it the tables of the desk.
package store

import (
	"context"
	"crypto/sha256"
	"errors"

	"postdesk/internal/message"
)

// Errors of every engine.
var (
	ErrNotFound = errors.New("store: not found")
	ErrExists   = errors.New("store: key exists")
	ErrClosed   = errors.New("store: closed")
	ErrDiskLow  = errors.New("store: not enough free disk space")
)

// MailID names a mail in the store. Numbers begin at 1 and have no gaps.
type MailID uint64

// Engine keeps keys and mails.
type Engine interface {
	// Update runs fn and returns nil only when all that it wrote is durable.
	// fn must be pure: it may run again. A failing fn leaves nothing.
	Update(ctx context.Context, fn func(Tx) error) error
	// View runs fn on one snapshot of what is durable.
	View(ctx context.Context, fn func(ReadTx) error) error
	Close() error
}

// ReadTx reads one snapshot. Returned slices are valid until fn returns.
type ReadTx interface {
	// Get returns the value of key, or ErrNotFound.
	Get(key []byte) ([]byte, error)
	// Scan calls fn for at most limit (0: all) keys in lo <= key < hi, in order,
	// or from the highest down when reverse. fn's error ends the scan and is
	// returned.
	Scan(lo, hi []byte, limit int, reverse bool, fn func(key, value []byte) error) error
	// Mail opens a mail. It stays readable after the transaction, as long as the
	// engine is open and the mail is not erased.
	Mail(id MailID) (Mail, error)
}

// Tx also writes. A read sees the writes of the transaction itself.
type Tx interface {
	ReadTx
	// Insert fails with ErrExists when the key is present.
	Insert(key, value []byte) error
	Set(key, value []byte) error
	Delete(key []byte) error
	// PutMail stores src with the transaction and returns its number.
	PutMail(src message.Source) (MailID, error)
	// EraseMail makes a mail's bytes unreadable, for ever; the number stays used.
	EraseMail(id MailID) error
}

// Mail is a stored mail.
type Mail interface {
	message.Source
	ID() MailID
	SHA256() [sha256.Size]byte
}
