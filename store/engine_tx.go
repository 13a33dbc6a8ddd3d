package store

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"postdesk/internal/message"
)

// readTx is one snapshot of the index; with an overlay, what a batch wrote above it.
type readTx struct {
	db    *DB
	txn   *badger.Txn
	b     *batch   // nil in a View
	over  *overlay // of the batch
	arena arena
	ended bool
}

var errEnded = errors.New("store: the transaction is over")

func (t *readTx) Get(key []byte) ([]byte, error) {
	if t.ended {
		return nil, errEnded
	}
	if err := checkKey(key); err != nil {
		return nil, err
	}
	return t.get(key)
}

func (t *readTx) get(key []byte) ([]byte, error) {
	if t.over != nil {
		if w := t.over.get(key); w != nil {
			if w.deleted {
				return nil, ErrNotFound
			}
			return w.value, nil
		}
	}
	return indexGet(t.txn, key, &t.arena)
}

func (t *readTx) Scan(lo, hi []byte, limit int, reverse bool, fn func(key, value []byte) error) error {
	if t.ended {
		return errEnded
	}
	if bytes.Compare(lo, firstKey) < 0 {
		lo = firstKey
	}
	if hi != nil && bytes.Compare(lo, hi) >= 0 {
		return nil
	}
	return t.scan(lo, hi, limit, reverse, fn)
}

func (t *readTx) scan(lo, hi []byte, limit int, reverse bool, fn func(key, value []byte) error) error {
	it := indexIterator(t.txn, lo, hi, reverse)
	defer it.Close()
	m := merge{it: it, over: t.over, lo: lo, hi: hi, reverse: reverse}
	for n := 0; limit <= 0 || n < limit; {
		key, value, err := m.next(&t.arena)
		if err != nil {
			return err
		}
		if key == nil {
			return nil
		}
		n++
		if err := fn(key, value); err != nil {
			return err
		}
	}
	return nil
}

// merge walks over the index and the overlay at once. The overlay wins.
type merge struct {
	it      *badger.Iterator
	over    *overlay
	lo, hi  []byte
	reverse bool
	started bool
	at      int // index of the overlay's next entry
	changes int // of the overlay when at was right
	last    []byte
}

// next gives the next key that is not deleted; nil is the end.
func (m *merge) next(a *arena) (key, value []byte, err error) {
	for {
		w, item := m.overlaid(), m.indexed()
		switch {
		case w == nil && item == nil:
			return nil, nil, nil
		case item == nil || w != nil && m.before(w.key, item.Key()):
			m.step(w)
			if !w.deleted {
				return w.key, w.value, nil
			}
		case w != nil && bytes.Equal(w.key, item.Key()):
			m.it.Next()
			m.step(w)
			if !w.deleted {
				return w.key, w.value, nil
			}
		default:
			return m.take(item, a)
		}
	}
}

// take copies a key of the index and goes on.
func (m *merge) take(item *badger.Item, a *arena) (key, value []byte, err error) {
	key = a.copy(item.Key())
	err = item.Value(func(v []byte) error {
		value = a.copy(v)
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("store: index: %w", err)
	}
	m.last = key
	m.it.Next()
	return key, value, nil
}

func (m *merge) before(a, b []byte) bool {
	c := bytes.Compare(a, b)
	return c < 0 && !m.reverse || c > 0 && m.reverse
}

func (m *merge) indexed() *badger.Item {
	if !m.it.Valid() {
		return nil
	}
	item := m.it.Item()
	if m.reverse && bytes.Compare(item.Key(), m.lo) < 0 || !m.reverse && m.hi != nil && bytes.Compare(item.Key(), m.hi) >= 0 {
		return nil
	}
	return item
}

// overlaid gives the overlay's next entry. The function that the scan calls may write, so the
// place is looked up again after a change.
func (m *merge) overlaid() *written {
	if m.over == nil {
		return nil
	}
	if !m.started || m.changes != m.over.changes {
		m.seek()
	}
	if m.at < 0 || m.at >= len(m.over.entries) {
		return nil
	}
	w := m.over.entries[m.at]
	if bytes.Compare(w.key, m.lo) < 0 || m.hi != nil && bytes.Compare(w.key, m.hi) >= 0 {
		return nil
	}
	return w
}

func (m *merge) seek() {
	m.started, m.changes = true, m.over.changes
	switch {
	case !m.reverse && m.last == nil:
		m.at = m.over.search(m.lo)
	case !m.reverse:
		m.at = m.over.search(m.last)
		if m.at < len(m.over.entries) && bytes.Equal(m.over.entries[m.at].key, m.last) {
			m.at++
		}
	case m.last != nil:
		m.at = m.over.search(m.last) - 1
	case m.hi != nil:
		m.at = m.over.search(m.hi) - 1
	default:
		m.at = len(m.over.entries) - 1
	}
}

func (m *merge) step(w *written) {
	m.last = w.key
	if m.reverse {
		m.at--
	} else {
		m.at++
	}
}

// tx is one Update of a batch.
type tx struct {
	readTx
	size   int
	failed error // a write that can't be made makes the whole Update fail
}

func (t *tx) fail(err error) error {
	if t.failed == nil {
		t.failed = err
	}
	return err
}

func (t *tx) Insert(key, value []byte) error {
	switch _, err := t.Get(key); {
	case err == nil:
		return fmt.Errorf("%w: %q", ErrExists, key)
	case !errors.Is(err, ErrNotFound):
		return t.fail(err)
	}
	return t.Set(key, value)
}

func (t *tx) Set(key, value []byte) error { return t.write(key, value, false) }

func (t *tx) Delete(key []byte) error { return t.write(key, nil, true) }

func (t *tx) write(key, value []byte, deleted bool) error {
	if t.ended {
		return errEnded
	}
	if err := checkKey(key); err != nil {
		return t.fail(err)
	}
	if len(value) > MaxValue {
		return t.fail(fmt.Errorf("%w: a value of %d bytes under %q", ErrTooLarge, len(value), key))
	}
	if err := t.grow(len(key) + len(value) + opOverhead); err != nil {
		return err
	}
	t.over.set(key, value, deleted)
	return nil
}

// grow counts what the Update writes: with one more Update a batch must still fit into one
// transaction of Badger, which takes 15 % of a memtable.
func (t *tx) grow(n int) error {
	if t.size += n; t.size > MaxUpdate {
		return t.fail(fmt.Errorf("%w: more than %d bytes of keys and values", ErrTooLarge, MaxUpdate))
	}
	return nil
}

// mailKeySize is what one key of a mail counts.
const mailKeySize = 10 + mailEntrySize + opOverhead

func (t *tx) PutMail(src message.Source) (MailID, error) {
	if t.ended {
		return 0, errEnded
	}
	if err := t.grow(mailKeySize); err != nil {
		return 0, err
	}
	id, err := t.b.putMail(src)
	if err != nil {
		return 0, t.fail(fmt.Errorf("store: mail of %d bytes: %w", src.Size(), err))
	}
	return id, nil
}

func (t *tx) EraseMail(id MailID) error {
	if t.ended {
		return errEnded
	}
	e, err := t.entry(id)
	if err != nil {
		return err
	}
	if e.erased {
		return nil
	}
	if err := t.grow(2 * mailKeySize); err != nil {
		return err
	}
	e.erased = true
	t.over.set(mailKey(prefixMail, id), e.encode(), false)
	t.over.set(mailKey(prefixErase, id), []byte{engineVersion}, false)
	t.b.erased = true
	return nil
}
