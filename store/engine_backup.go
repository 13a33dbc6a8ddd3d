package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"postdesk/internal/disk"
	"postdesk/store/journal"
)

// fileManifest lists what a backup holds. It is written last: a directory without it is no backup.
const fileManifest = "MANIFEST.json"

type manifest struct {
	Version int
	Created time.Time
	Record  uint64 // the last of the journal that the backup has
	Mails   MailID
	Files   []manifestFile
}

type manifestFile struct {
	Path   string // relative, with slashes
	Size   int64
	SHA256 string
}

// Backup writes a consistent copy of the store to dir (new or empty) while it runs: all that was
// durable when it began. Sealed segments are linked where dir is on the same file system, and copied elsewhere.
func (db *DB) Backup(ctx context.Context, dir string) error {
	db.maintenance.Lock()
	defer db.maintenance.Unlock()
	if !db.enter() {
		return ErrClosed
	}
	defer db.users.Done()
	if err := emptyDir(dir); err != nil {
		return err
	}
	if err := db.trustTables(); err != nil {
		return err
	}
	if err := db.backup(ctx, dir); err != nil {
		return fmt.Errorf("store: backup to %s: %w", dir, err)
	}
	return nil
}

// emptyDir makes dir, which must not hold anything.
func emptyDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	names, err := os.ReadDir(dir)
	if err == nil && len(names) > 0 {
		err = fmt.Errorf("store: %s is not empty", dir)
	}
	return err
}

func (db *DB) backup(ctx context.Context, dir string) error {
	txn := db.index.NewTransaction(false)
	defer txn.Discard()
	at, err := writeSnapshot(ctx, disk.OS{}, txn, filepath.Join(dir, dirSnapshots))
	if err != nil {
		return err
	}
	snapshot, err := filepath.Rel(dir, snapshotPath(filepath.Join(dir, dirSnapshots), at.last.Seq))
	if err != nil {
		return err
	}
	paths := []string{snapshot}
	segments, err := db.backupSegments(ctx, dir, at.last)
	if err != nil {
		return err
	}
	extra, err := db.backupExtra(dir)
	if err != nil {
		return err
	}
	paths = append(append(paths, segments...), extra...)
	return db.writeManifest(ctx, dir, at, paths)
}

// backupSegments copies the journal up to the record last.
func (db *DB) backupSegments(ctx context.Context, dir string, last journal.Position) (paths []string, err error) {
	to := filepath.Join(dir, dirJournal)
	if err := os.MkdirAll(to, 0o700); err != nil {
		return nil, err
	}
	for _, segment := range db.journal.Segments() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if segment > last.Segment {
			break
		}
		from := db.journal.Path(segment)
		path := filepath.Join(to, filepath.Base(from))
		if segment == last.Segment {
			err = db.journal.CopySegment(segment, last.End, disk.OS{}, path)
		} else if err = db.o.FS.Link(from, path); err != nil {
			err = db.copySealed(segment, path)
		}
		if err != nil {
			return nil, err
		}
		paths = append(paths, filepath.Join(dirJournal, filepath.Base(from)))
	}
	return paths, disk.OS{}.SyncDir(to)
}

func (db *DB) copySealed(segment uint64, path string) error {
	fi, err := os.Stat(db.journal.Path(segment))
	if err != nil {
		return err
	}
	return db.journal.CopySegment(segment, fi.Size(), disk.OS{}, path)
}

func (db *DB) backupExtra(dir string) (paths []string, err error) {
	for _, name := range db.o.Extra {
		if !filepath.IsLocal(name) {
			return nil, fmt.Errorf("%q is not a path inside the data directory", name)
		}
		err := copyFile(filepath.Join(db.o.Dir, name), filepath.Join(dir, name), nil)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		paths = append(paths, name)
	}
	return paths, nil
}

// copyFile makes a synced copy, 0600, and checks it against want unless that is nil.
func copyFile(from, to string, want *manifestFile) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	h := sha256.New()
	n, err := io.CopyBuffer(io.MultiWriter(dst, h), struct{ io.Reader }{src}, make([]byte, 1<<20))
	if err == nil && want != nil && (n != want.Size || hex.EncodeToString(h.Sum(nil)) != want.SHA256) {
		err = fmt.Errorf("%w: %s is not what the backup's %s says", ErrDamaged, from, fileManifest)
	}
	if err == nil {
		err = dst.Sync()
	}
	if err = errors.Join(err, dst.Close()); err != nil {
		return err
	}
	return disk.OS{}.SyncDir(filepath.Dir(to))
}

func (db *DB) writeManifest(ctx context.Context, dir string, at position, paths []string) error {
	m := manifest{Version: 1, Created: db.o.Now().UTC(), Record: at.last.Seq, Mails: at.mails}
	for _, path := range paths {
		if err := ctx.Err(); err != nil {
			return err
		}
		f, err := sumFile(dir, path)
		if err != nil {
			return err
		}
		m.Files = append(m.Files, f)
	}
	raw, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return err
	}
	return writeDurably(filepath.Join(dir, fileManifest), append(raw, '\n'))
}

func sumFile(dir, path string) (manifestFile, error) {
	f, err := os.Open(filepath.Join(dir, path))
	if err != nil {
		return manifestFile{}, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.CopyBuffer(h, struct{ io.Reader }{f}, make([]byte, 1<<20))
	return manifestFile{Path: filepath.ToSlash(path), Size: n, SHA256: hex.EncodeToString(h.Sum(nil))}, err
}

// writeDurably writes a file that is there whole or not at all.
func writeDurably(path string, b []byte) error {
	tmp := path + ".new"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return disk.OS{}.SyncDir(filepath.Dir(path))
}

// Restore makes the data directory o.Dir (new or empty) from a backup, checks everything, and
// runs after (may be nil) on the open store, before anyone else can: the place to
// hold the outbox. A directory that was restored only in part does not open.
func Restore(ctx context.Context, backupDir string, o Options, after func(context.Context, *DB) error) error {
	m, err := readManifest(backupDir)
	if err != nil {
		return err
	}
	if err := emptyDir(o.Dir); err != nil {
		return err
	}
	mark := filepath.Join(o.Dir, fileRestoring)
	if err := writeDurably(mark, nil); err != nil {
		return err
	}
	for _, f := range m.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		path := filepath.FromSlash(f.Path)
		if !filepath.IsLocal(path) {
			return fmt.Errorf("%w: %s names %q, which is not inside the backup", ErrDamaged, fileManifest, f.Path)
		}
		if err := copyFile(filepath.Join(backupDir, path), filepath.Join(o.Dir, path), &f); err != nil {
			return fmt.Errorf("store: restore: %w", err)
		}
	}
	return finishRestore(ctx, o, mark, after)
}

func readManifest(dir string) (m manifest, err error) {
	raw, err := os.ReadFile(filepath.Join(dir, fileManifest))
	if errors.Is(err, os.ErrNotExist) {
		return m, fmt.Errorf("store: %s has no %s: it is no backup, or one that did not finish", dir, fileManifest)
	}
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, fmt.Errorf("%w: %s of %s: %w", ErrDamaged, fileManifest, dir, err)
	}
	if m.Version != 1 {
		return m, fmt.Errorf("store: the backup %s is of version %d and this postdesk knows only 1: use a newer one", dir, m.Version)
	}
	return m, nil
}

// finishRestore opens what was copied and gives it free.
func finishRestore(ctx context.Context, o Options, mark string, after func(context.Context, *DB) error) error {
	o.restoring = true
	db, err := Open(o)
	if err != nil {
		return fmt.Errorf("store: restore: %w", err)
	}
	if after != nil {
		err = after(ctx, db)
	}
	var faults []error
	if err == nil {
		err = db.Verify(ctx, func(s string) { faults = append(faults, errors.New(s)) })
	}
	if err = errors.Join(err, errors.Join(faults...), db.Close()); err != nil {
		return fmt.Errorf("store: restore: %w", err)
	}
	if err := os.Remove(mark); err != nil {
		return err
	}
	return disk.OS{}.SyncDir(o.Dir)
}
