package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"

	"postdesk/internal/disk"
	"postdesk/store/journal"
)

// Verify checks the running store: every checksum, every SHA-256, the index against
// the journal. Each fault is reported in one sentence; the error says that there were some.
// It makes a second index in the data directory, and needs room for it.
func (db *DB) Verify(ctx context.Context, report func(string)) error {
	db.maintenance.Lock()
	defer db.maintenance.Unlock()
	if !db.enter() {
		return ErrClosed
	}
	defer db.users.Done()
	txn := db.index.NewTransaction(false)
	defer txn.Discard()
	v := &verifier{db: db, txn: txn, report: report}
	if err := v.all(ctx); err != nil {
		return fmt.Errorf("store: verify: %w", err)
	}
	if v.faults > 0 {
		return fmt.Errorf("%w: %d faults were found", ErrDamaged, v.faults)
	}
	return nil
}

// Verify is DB.Verify of a closed data directory. A store that can't be opened is one fault.
func Verify(ctx context.Context, dir string, report func(string)) error {
	db, err := openFiles(Options{Dir: dir})
	if errors.Is(err, ErrDamaged) {
		report(err.Error())
		return fmt.Errorf("%w: it can't be opened", ErrDamaged)
	}
	if err != nil {
		return err
	}
	err = db.Verify(ctx, report)
	return errors.Join(err, db.closeFiles(!errors.Is(err, ErrDamaged)))
}

type verifier struct {
	db     *DB
	txn    *badger.Txn
	at     position
	report func(string)
	faults int
}

func (v *verifier) fault(s string) {
	v.faults++
	v.report(s)
}

func (v *verifier) all(ctx context.Context) error {
	raw, err := indexGet(v.txn, keyPosition, &arena{})
	if errors.Is(err, ErrNotFound) {
		return nil // nothing was ever written
	}
	if err != nil {
		return err
	}
	if v.at, err = decodePosition(raw); err != nil {
		return err
	}
	snapshot, err := v.snapshots(ctx)
	if err != nil {
		return err
	}
	if err := v.db.journal.Check(v.at.last.Seq, snapshot, v.fault); err != nil {
		return err
	}
	if err := v.mails(ctx); err != nil {
		return err
	}
	return v.compare(ctx)
}

// snapshots reads every snapshot, and gives the number of the newest.
func (v *verifier) snapshots(ctx context.Context) (newest uint64, err error) {
	dir := filepath.Join(v.db.o.Dir, dirSnapshots)
	seqs, err := snapshots(v.db.o.FS, dir)
	for _, seq := range seqs {
		err := readSnapshot(ctx, v.db.o.FS, snapshotPath(dir, seq), func(position) {}, func(_, _ []byte) error { return nil })
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if err != nil {
			v.fault(err.Error())
		}
		newest = seq
	}
	return newest, err
}

// mails reads every mail that is not erased.
func (v *verifier) mails(ctx context.Context) error {
	t := &readTx{db: v.db, txn: v.txn}
	expect := MailID(1)
	hi := []byte{prefixMail[0], prefixMail[1] + 1}
	err := t.scan(prefixMail, hi, 0, false, func(key, value []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		for id := mailOfKey(key); expect < id; expect++ {
			v.fault(fmt.Sprintf("mail %d is missing in the index: `postdesk verify --rebuild` makes it anew", expect))
		}
		expect++
		t.arena = arena{} // keep the memory of one entry, not of all
		e, err := decodeMailEntry(value)
		if err != nil {
			v.fault(err.Error())
		} else if !e.erased {
			v.mail(&mail{db: v.db, id: mailOfKey(key), span: e.span})
		}
		return nil
	})
	if err == nil && expect != v.at.mails+1 {
		v.fault(fmt.Sprintf("the index has mails up to %d and should have them up to %d", expect-1, v.at.mails))
	}
	return err
}

func (v *verifier) mail(m *mail) {
	if err := CheckMail(m); err != nil {
		v.fault(fmt.Sprintf("mail %d, %d bytes at %d in %s: %s; a backup may have it whole",
			m.id, m.span.Length, m.span.Offset, v.db.journal.Path(m.span.Segment), err))
	}
}

// maxDifferences is how many keys are named.
const maxDifferences = 20

// compare makes a second index from snapshot and journal and compares it with the real one.
func (v *verifier) compare(ctx context.Context) (err error) {
	second := &DB{o: v.db.o, journal: v.db.journal, indexDir: filepath.Join(v.db.o.Dir, dirIndex+".verify")}
	if err := os.RemoveAll(second.indexDir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(second.indexDir)) }()
	o := indexOptions(second.indexDir, v.db.o.memtable, slog.New(slog.DiscardHandler)).WithSyncWrites(false)
	if second.index, err = badger.Open(o); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, second.index.Close()) }()
	if err := second.upTo(ctx, v.at.last.Seq); errors.Is(err, journal.ErrDamaged) || errors.Is(err, journal.ErrBehind) || errors.Is(err, ErrDamaged) {
		v.fault("the index can't be compared with the journal: " + err.Error())
		return nil
	} else if err != nil {
		return err
	}
	txn := second.index.NewTransaction(false)
	defer txn.Discard()
	return v.difference(ctx, txn)
}

// upTo fills an empty index up to a record of the journal.
func (db *DB) upTo(ctx context.Context, seq uint64) error {
	if _, err := db.loadSnapshot(ctx); err != nil {
		return err
	}
	r := replayer{db: db}
	err := db.journal.Read(db.position.last, seq, func(rec *journal.Record) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return r.record(rec)
	})
	if err != nil {
		return err
	}
	if err := r.flush(); err != nil {
		return err
	}
	return indexApply(db.index, nil, db.position.encode())
}

func (v *verifier) difference(ctx context.Context, want *badger.Txn) error {
	a, b := indexIterator(v.txn, nil, nil, false), indexIterator(want, nil, nil, false)
	defer a.Close()
	defer b.Close()
	found := 0
	differs := func(key []byte, how string) {
		if found++; found <= maxDifferences {
			v.fault(fmt.Sprintf("the index %s, key %.80q: `postdesk verify --rebuild` makes it anew", how, key))
		}
	}
	for n := 0; a.Valid() || b.Valid(); n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		switch c := order(a, b); {
		case c < 0:
			differs(a.Item().Key(), "has what the journal does not have")
			a.Next()
		case c > 0:
			differs(b.Item().Key(), "lacks what the journal has")
			b.Next()
		default:
			same, err := sameValue(a.Item(), b.Item())
			if err != nil {
				return err
			}
			if !same {
				differs(a.Item().Key(), "has another value than the journal")
			}
			a.Next()
			b.Next()
		}
	}
	if found > maxDifferences {
		v.fault(fmt.Sprintf("and %d more differences between index and journal", found-maxDifferences))
	}
	return nil
}

func order(a, b *badger.Iterator) int {
	switch {
	case !a.Valid():
		return 1
	case !b.Valid():
		return -1
	}
	return bytes.Compare(a.Item().Key(), b.Item().Key())
}

func sameValue(a, b *badger.Item) (same bool, err error) {
	if string(a.Key()) == string(keyPosition) {
		return true, nil
	}
	err = a.Value(func(x []byte) error {
		return b.Value(func(y []byte) error {
			same = bytes.Equal(x, y)
			return nil
		})
	})
	if err != nil {
		return false, fmt.Errorf("reading the index: %w", err)
	}
	return same, nil
}

// Rebuild makes the index of a closed data directory anew, from the last snapshot and the
// journal. The old index is replaced at the end, and stays when that fails. Bytes that
// are cut off at the end of the journal are kept in a file beside it.
func Rebuild(ctx context.Context, dir string, report func(string)) error {
	o := Options{Dir: dir}
	if err := o.fill(); err != nil {
		return err
	}
	held, err := lock(dir)
	if err != nil {
		return err
	}
	defer held.Close()
	db := &DB{o: o, indexDir: filepath.Join(dir, dirIndex+".new")}
	if err := os.RemoveAll(db.indexDir); err != nil {
		return err
	}
	if db.index, err = openIndex(db.indexDir, 0, o.Log); err != nil {
		return err
	}
	db.keepTail = true
	err = db.fromWhatIsWhole(ctx, report)
	if err = errors.Join(err, db.closeFiles(false)); err != nil {
		return errors.Join(err, os.RemoveAll(db.indexDir))
	}
	report(fmt.Sprintf("the index was made anew: records up to %d, mails up to %d", db.position.last.Seq, db.position.mails))
	return replaceIndex(dir, db.indexDir)
}

// fromWhatIsWhole fills an empty index from the newest snapshot and the journal. A snapshot that is damaged
// is put aside: the journal alone will do, unless what the snapshot held was freed in it.
func (db *DB) fromWhatIsWhole(ctx context.Context, report func(string)) error {
	dir := filepath.Join(db.o.Dir, dirSnapshots)
	seqs, err := snapshots(db.o.FS, dir)
	if err != nil {
		return err
	}
	if len(seqs) > 0 {
		path := snapshotPath(dir, seqs[len(seqs)-1])
		err := readSnapshot(ctx, db.o.FS, path, func(position) {}, func(_, _ []byte) error { return nil })
		switch {
		case errors.Is(err, ErrDamaged):
			report(err.Error() + ": it is put aside")
			if err := db.o.FS.Rename(path, path+".damaged"); err != nil {
				return err
			}
		case err != nil:
			return err
		}
	}
	err = db.fromSnapshot(ctx)
	if errors.Is(err, journal.ErrBehind) {
		return fmt.Errorf("%w: the journal in %s ends before the newest snapshot: put the newer journal back, or restore a backup", ErrDamaged, db.o.Dir)
	}
	return err
}

// replaceIndex puts a closed index in the place of the old one.
func replaceIndex(dir, fresh string) error {
	index, old := filepath.Join(dir, dirIndex), filepath.Join(dir, dirIndex+".old")
	if _, err := takeClean(dir); err != nil {
		return err
	}
	if err := os.RemoveAll(old); err != nil {
		return err
	}
	if err := os.Rename(index, old); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Rename(fresh, index); err != nil {
		return err
	}
	if err := (disk.OS{}).SyncDir(dir); err != nil {
		return err
	}
	if err := putClean(dir); err != nil {
		return err
	}
	return os.RemoveAll(old)
}
