package store

import (
	"bytes"
	"slices"
	"sort"
)

// overlay holds what a batch has written and the index does not have yet: the last
// write of each key, in order, and what to undo when an Update of the
// batch fails.
type overlay struct {
	entries []*written
	undo    []undoStep
	changes int // counts changes, so that a scan knows when to look again
	bytes   int // of keys and values written, overwritten ones too
	spare   []written
	arena   arena
}

type written struct {
	key, value []byte
	deleted    bool
}

// undoStep is what an entry was before; was is nil when it was not there.
type undoStep struct {
	key []byte
	was *written
}

// search gives the index of the first entry whose key is not below key.
func (o *overlay) search(key []byte) int {
	return sort.Search(len(o.entries), func(i int) bool { return bytes.Compare(o.entries[i].key, key) >= 0 })
}

func (o *overlay) get(key []byte) *written {
	if i := o.search(key); i < len(o.entries) && bytes.Equal(o.entries[i].key, key) {
		return o.entries[i]
	}
	return nil
}

// set copies key and value.
func (o *overlay) set(key, value []byte, deleted bool) {
	i := o.search(key)
	w := o.next()
	*w = written{value: o.arena.copy(value), deleted: deleted}
	o.changes++
	o.bytes += len(key) + len(value) + opOverhead
	if i < len(o.entries) && bytes.Equal(o.entries[i].key, key) {
		w.key = o.entries[i].key
		o.undo = append(o.undo, undoStep{w.key, o.entries[i]})
		o.entries[i] = w
		return
	}
	w.key = o.arena.copy(key)
	o.undo = append(o.undo, undoStep{key: w.key})
	o.entries = slices.Insert(o.entries, i, w)
}

// next gives an entry that is not in use.
func (o *overlay) next() *written {
	if len(o.spare) == 0 {
		o.spare = make([]written, 64)
	}
	w := &o.spare[0]
	o.spare = o.spare[1:]
	return w
}

// opOverhead is what an operation costs beside key and value: it keeps a batch below the number
// of entries that Badger takes in one transaction.
const opOverhead = 100

// rollback undoes everything since keep, newest first.
func (o *overlay) rollback() {
	o.changes++
	for _, u := range slices.Backward(o.undo) {
		i := o.search(u.key)
		if u.was != nil {
			o.entries[i] = u.was
		} else {
			o.entries = slices.Delete(o.entries, i, i+1)
		}
	}
	o.undo = o.undo[:0]
}

// keep makes what was written since the last keep part of the batch.
func (o *overlay) keep() { o.undo = o.undo[:0] }

// arena copies many small slices into few allocations.
type arena struct {
	free  []byte
	chunk int
}

// Chunks of an arena: most transactions read little, so the first is small.
const (
	firstChunk = 1 << 10
	arenaChunk = 16 << 10
)

// arenaOf is an arena that fills buf first.
func arenaOf(buf []byte) arena { return arena{free: buf, chunk: arenaChunk} }

func (a *arena) copy(b []byte) []byte {
	if len(b) == 0 {
		return []byte{}
	}
	if len(b) > arenaChunk/4 {
		return bytes.Clone(b)
	}
	if len(b) > len(a.free) {
		a.chunk = min(max(2*a.chunk, firstChunk), arenaChunk)
		a.free = make([]byte, max(a.chunk, len(b)))
	}
	out := a.free[:len(b):len(b)]
	a.free = a.free[len(b):]
	copy(out, b)
	return out
}

// scratch is memory that one batch leaves to the next: most of what a batch writes fits into it.
// Nothing outlives its batch there, since an Update's slices end with its function and Badger has copied
// what it was given when its transaction is over.
type scratch struct {
	entries []*written
	undo    []undoStep
	spare   []written
	writes  []byte // keys and values of the overlay
	reads   []byte // what one Update reads; the next one's lies in the same place
}

func newScratch() scratch {
	return scratch{spare: make([]written, 512), writes: make([]byte, 64<<10), reads: make([]byte, arenaChunk)}
}

// overlay gives an empty overlay in this memory.
func (s *scratch) overlay() overlay {
	return overlay{entries: s.entries[:0], undo: s.undo[:0], spare: s.spare, arena: arenaOf(s.writes)}
}

// takeBack is called when a batch is over. Large values, which lie elsewhere, are let go.
func (s *scratch) takeBack(o *overlay) {
	s.entries, s.undo = o.entries[:0], o.undo[:0]
	clear(o.entries)
	clear(o.undo[:cap(o.undo)])
	clear(s.spare)
	poison(s.writes)
}
