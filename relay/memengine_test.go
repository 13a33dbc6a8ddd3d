package relay

import (
	"bytes"
	"context"
	"crypto/sha256"
	"slices"
	"sync"

	"postdesk/internal/message"
	"postdesk/store"
)

// memEngine is a store.Engine without a disk. A failing Update leaves nothing.
type memEngine struct {
	mu      sync.RWMutex
	tables  map[byte]*memTable
	mails   []message.Source
	erased  map[store.MailID]bool
	changed chan struct{}
	updates int
	fail    func() error // asked before each Update
	closed  bool
}

type memTable struct {
	keys   [][]byte
	values map[string][]byte
}

func newMemEngine() *memEngine {
	return &memEngine{tables: make(map[byte]*memTable), erased: make(map[store.MailID]bool), changed: make(chan struct{})}
}

func (e *memEngine) Update(ctx context.Context, fn func(store.Tx) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if e.closed {
		return store.ErrClosed
	}
	if e.fail != nil {
		if err := e.fail(); err != nil {
			return err
		}
	}
	tx := &memTx{e: e}
	mails := len(e.mails)
	if err := fn(tx); err != nil {
		for i := len(tx.undo) - 1; i >= 0; i-- {
			tx.undo[i]()
		}
		e.mails = e.mails[:mails]
		return err
	}
	e.updates++
	close(e.changed)
	e.changed = make(chan struct{})
	return nil
}

func (e *memEngine) View(ctx context.Context, fn func(store.ReadTx) error) error {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.closed {
		return store.ErrClosed
	}
	return fn(&memTx{e: e})
}

func (e *memEngine) Close() error { return nil }

func (e *memEngine) wait() <-chan struct{} {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.changed
}

func (e *memEngine) table(key []byte) *memTable {
	t := e.tables[key[0]]
	if t == nil {
		t = &memTable{values: make(map[string][]byte)}
		e.tables[key[0]] = t
	}
	return t
}

type memTx struct {
	e    *memEngine
	undo []func()
}

func (tx *memTx) Get(key []byte) ([]byte, error) {
	t := tx.e.tables[key[0]]
	if t == nil {
		return nil, store.ErrNotFound
	}
	v, ok := t.values[string(key)]
	if !ok {
		return nil, store.ErrNotFound
	}
	return v, nil
}

func (tx *memTx) Scan(lo, hi []byte, limit int, reverse bool, fn func(k, v []byte) error) error {
	t := tx.e.tables[lo[0]]
	if t == nil {
		return nil
	}
	from, _ := slices.BinarySearchFunc(t.keys, lo, bytes.Compare)
	to := len(t.keys)
	if hi != nil && hi[0] == lo[0] {
		to, _ = slices.BinarySearchFunc(t.keys, hi, bytes.Compare)
	}
	keys := t.keys[from:max(from, to)]
	if _, writes := any(tx).(store.Tx); writes && len(tx.undo) > 0 {
		keys = slices.Clone(keys)
	}
	if reverse {
		keys = slices.Clone(keys)
		slices.Reverse(keys)
	}
	for i, k := range keys {
		if limit > 0 && i == limit {
			return nil
		}
		if err := fn(k, t.values[string(k)]); err != nil {
			return err
		}
	}
	return nil
}

func (tx *memTx) Mail(id store.MailID) (store.Mail, error) {
	if id == 0 || int(id) > len(tx.e.mails) || tx.e.erased[id] {
		return nil, store.ErrNotFound
	}
	return memMail{tx.e.mails[id-1], id}, nil
}

func (tx *memTx) Insert(key, value []byte) error {
	if _, err := tx.Get(key); err == nil {
		return store.ErrExists
	}
	return tx.Set(key, value)
}

func (tx *memTx) Set(key, value []byte) error {
	t := tx.e.table(key)
	old, had := t.values[string(key)]
	t.set(key, value)
	tx.undo = append(tx.undo, func() {
		if had {
			t.set(key, old)
		} else {
			t.delete(key)
		}
	})
	return nil
}

func (tx *memTx) Delete(key []byte) error {
	t := tx.e.table(key)
	if old, had := t.values[string(key)]; had {
		t.delete(key)
		tx.undo = append(tx.undo, func() { t.set(key, old) })
	}
	return nil
}

func (t *memTable) set(key, value []byte) {
	if _, had := t.values[string(key)]; !had {
		i, _ := slices.BinarySearchFunc(t.keys, key, bytes.Compare)
		t.keys = slices.Insert(t.keys, i, bytes.Clone(key))
	}
	t.values[string(key)] = bytes.Clone(value)
}

func (t *memTable) delete(key []byte) {
	if _, had := t.values[string(key)]; had {
		i, _ := slices.BinarySearchFunc(t.keys, key, bytes.Compare)
		t.keys = slices.Delete(t.keys, i, i+1)
		delete(t.values, string(key))
	}
}

func (tx *memTx) PutMail(src message.Source) (store.MailID, error) {
	tx.e.mails = append(tx.e.mails, src)
	return store.MailID(len(tx.e.mails)), nil
}

func (tx *memTx) EraseMail(id store.MailID) error {
	tx.e.erased[id] = true
	return nil
}

type memMail struct {
	message.Source
	id store.MailID
}

func (m memMail) ID() store.MailID { return m.id }

func (m memMail) SHA256() [sha256.Size]byte {
	b := make([]byte, m.Size())
	m.ReadAt(b, 0)
	return sha256.Sum256(b)
}
