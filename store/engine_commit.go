package store

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/dgraph-io/badger/v4"

	"postdesk/internal/message"
	"postdesk/store/journal"
)

// A batch takes Updates until one of these is reached. It never waits for more: what is queued
// when the committer becomes free makes the next batch.
const (
	maxBatch      = 256
	maxBatchBytes = 1 << 20   // with mails
	maxBatchKeys  = 128 << 10 // of keys and values: with one more Update they fit into a transaction of Badger
)

// request is an Update that waits.
type request struct {
	ctx  context.Context
	fn   func(*tx) error
	err  error
	done chan struct{}
}

// Update runs fn on the committer, together with those of other callers, and returns
// nil when what it wrote is durable. When ctx ends before fn began, ctx's error is
// returned and fn never runs; after that Update waits for the outcome. fn must not call Update.
// A panic in fn is returned as an error.
func (db *DB) Update(ctx context.Context, fn func(Tx) error) error {
	return db.update(ctx, func(t *tx) error { return fn(t) })
}

func (db *DB) update(ctx context.Context, fn func(*tx) error) error {
	r := &request{ctx: ctx, fn: fn, done: make(chan struct{}, 1)}
	select {
	case <-db.closing:
		return ErrClosed
	default:
	}
	select {
	case db.queue <- r:
	case <-ctx.Done():
		return ctx.Err()
	case <-db.closing:
		return ErrClosed
	}
	select {
	case <-r.done:
		return r.err
	case <-db.committed: // the committer has ended: it answered, or never will
		select {
		case <-r.done:
			return r.err
		default:
			return ErrClosed
		}
	}
}

// commitLoop is the committer. It ends when the store closes and the queue is empty.
func (db *DB) commitLoop() {
	defer close(db.committed)
	for {
		select {
		case r := <-db.queue:
			db.commit(r)
		case <-db.closing:
			select {
			case r := <-db.queue:
				db.commit(r)
			default:
				return
			}
		}
	}
}

// batch is what becomes one record of the journal.
type batch struct {
	db      *DB
	txn     *badger.Txn // the index before the batch
	record  *journal.Batch
	over    overlay
	put     map[MailID]*mail // mails of this batch, which are not readable in the journal yet
	lastPut MailID
	free    uint64 // bytes on the disk when the batch began
	erased  bool
	low     error // why no mail is taken
}

func (db *DB) commit(first *request) {
	start := db.o.Now()
	requests := append(db.requests[:0], first)
	b, err := db.begin()
	if err != nil {
		first.answer(err)
		return
	}
	defer b.end()
	b.run(first)
	for len(requests) < maxBatch && b.over.bytes < maxBatchKeys && b.record.Size()+int64(b.over.bytes) < maxBatchBytes {
		select {
		case r := <-db.queue:
			requests = append(requests, r)
			b.run(r)
			continue
		default:
		}
		break
	}
	err = b.finish()
	for i, r := range requests {
		r.answer(err)
		requests[i] = nil
	}
	db.requests = requests
	if err == nil && db.o.OnCommit != nil {
		db.o.OnCommit(len(requests), db.o.Now().Sub(start))
	}
	if err == nil && b.erased {
		db.wakeEraser()
	}
}

// answer gives the batch's error to an Update that had none of its own.
func (r *request) answer(err error) {
	if r.err == nil {
		r.err = err
	}
	r.done <- struct{}{}
}

func (db *DB) begin() (*batch, error) {
	if err := db.err(); err != nil {
		return nil, err
	}
	b := &batch{db: db, lastPut: db.position.mails, over: db.scratch.overlay()}
	if err := b.checkSpace(); err != nil {
		return nil, err
	}
	var err error
	if b.record, err = db.journal.Begin(); errors.Is(err, journal.ErrFull) {
		return nil, fmt.Errorf("%w: %w", ErrDiskLow, err)
	} else if err != nil {
		return nil, db.fail(err)
	}
	b.txn = db.index.NewTransaction(false)
	return b, nil
}

// end gives back what the batch has of others.
func (b *batch) end() {
	b.txn.Discard()
	b.db.scratch.takeBack(&b.over)
}

// checkSpace looks at the floors. Below the lowest nothing is written: Badger writes through a
// memory map, and a full disk would end the process by SIGBUS.
func (b *batch) checkSpace() error {
	floor := b.db.minFree.Load()
	if floor <= 0 {
		return nil
	}
	free, inodes, err := b.db.Free()
	if err != nil {
		return err
	}
	if free < uint64(floor/16) || inodes < 8 {
		return fmt.Errorf("%w: %d MB and %d inodes are left", ErrDiskLow, free>>20, inodes)
	}
	if b.free = free; free < uint64(floor/4) || inodes < 64 {
		b.low = fmt.Errorf("%w: %d MB and %d inodes are left, too few for mail", ErrDiskLow, free>>20, inodes)
	}
	return nil
}

// run runs one Update against the batch. When it fails the batch is as before.
func (b *batch) run(r *request) {
	if err := r.ctx.Err(); err != nil {
		r.err = err
		return
	}
	mark, mails, erased := b.record.Mark(), b.lastPut, b.erased
	t := &tx{readTx: readTx{db: b.db, txn: b.txn, b: b, over: &b.over, arena: arenaOf(b.db.scratch.reads)}}
	err := call(r.fn, t)
	t.ended = true
	poison(b.db.scratch.reads)
	if err == nil {
		err = t.failed
	}
	if err == nil {
		b.over.keep()
		return
	}
	r.err = err
	b.over.rollback()
	b.record.Rollback(mark)
	for id := mails + 1; id <= b.lastPut; id++ {
		delete(b.put, id)
	}
	b.lastPut, b.erased = mails, erased
}

// call runs fn and makes a panic an error: one mail that trips over a fault must
// not take the others down.
func call(fn func(*tx) error, t *tx) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("store: panic in an update: %v\n%s", r, debug.Stack())
		}
	}()
	return fn(t)
}

func (b *batch) putMail(src message.Source) (MailID, error) {
	size := src.Size()
	if b.low != nil {
		return 0, b.low
	}
	if floor := b.db.minFree.Load(); floor > 0 && b.free < uint64(floor/16)+uint64(b.record.Size()+size) {
		return 0, ErrDiskLow
	}
	span, err := b.record.Blob(src, size)
	if err != nil {
		if errors.Is(err, journal.ErrStopped) {
			return 0, b.db.fail(err)
		}
		return 0, err
	}
	b.lastPut++
	m := &mail{db: b.db, id: b.lastPut, span: span}
	m.source.Store(&src)
	if b.put == nil {
		b.put = make(map[MailID]*mail)
	}
	b.put[m.id] = m
	e := mailEntry{span: span}
	b.over.set(mailKey(prefixMail, m.id), e.encode(), false)
	return m.id, nil
}

// finish makes the batch durable: journal, then index.
func (b *batch) finish() error {
	if len(b.over.entries) == 0 {
		return b.db.err() // nothing was written
	}
	for _, w := range b.over.entries {
		if w.deleted {
			b.record.Delete(w.key)
		} else {
			b.record.Set(w.key, w.value)
		}
	}
	last, err := b.record.Commit()
	if err != nil {
		return b.db.fail(err)
	}
	p := b.db.position
	p.last, p.mails = last, b.lastPut
	if err := b.db.applier.apply(b.db.index, b.over.entries, p.encode()); err != nil {
		return b.db.fail(err)
	}
	b.db.position = p
	for _, m := range b.put {
		m.source.Store(nil)
	}
	b.db.moveFloor()
	return nil
}

// checkpoint is a record and the version that its transaction had in Badger.
type checkpoint struct {
	version uint64
	at      journal.Position
}

// floorEvery is how many records lie between checkpoints.
const floorEvery = 512

// moveFloor finds out, now and then, up to which record the index no longer depends on
// Badger's log, in which a flipped bit would silently end the replay of
// all that follows in the same file. After a crash all above the floor is applied again.
func (db *DB) moveFloor() {
	if db.position.last.Seq%db.o.floorEvery != 0 {
		return
	}
	db.checkpoints = append(db.checkpoints, checkpoint{db.index.MaxVersion(), db.position.last})
	flushed := flushedVersion(db.index)
	for len(db.checkpoints) > 0 && db.checkpoints[0].version <= flushed {
		db.position.floor = db.checkpoints[0].at
		db.checkpoints = db.checkpoints[1:]
	}
}

// View runs fn on one snapshot of what is durable.
func (db *DB) View(ctx context.Context, fn func(ReadTx) error) error {
	return db.view(ctx, func(t *readTx) error { return fn(t) })
}

func (db *DB) view(ctx context.Context, fn func(*readTx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !db.enter() {
		return ErrClosed
	}
	defer db.users.Done()
	txn := db.index.NewTransaction(false)
	defer txn.Discard()
	t := &readTx{db: db, txn: txn}
	defer func() { t.ended = true }()
	return fn(t)
}
