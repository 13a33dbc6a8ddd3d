package message

import (
	"bytes"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A thousand mails that arrive at the same time must not fill the disk: what
// they have together stays within the budget, to the byte.
func TestSpoolsShareOneDisk(t *testing.T) {
	const total = 4 << 20
	var p *Spools
	var peak atomic.Int64
	p = NewSpools(SpoolOptions{Dir: t.TempDir(), Memory: 1, Budget: func() int64 {
		peak.Store(max(peak.Load(), p.Held()))
		return total - p.Held()
	}})
	var spools []*Spool
	for range 40 {
		spools = append(spools, p.New(0))
	}
	var full, whole atomic.Int64
	var wg sync.WaitGroup
	for _, s := range spools {
		wg.Go(func() {
			for range 16 {
				if _, err := s.Write(make([]byte, 32<<10)); err != nil {
					if !errors.Is(err, ErrSpoolFull) {
						t.Error(err)
					}
					full.Add(1)
					return
				}
			}
			whole.Add(1)
		})
	}
	wg.Wait()
	if peak.Load() > total || full.Load() == 0 || full.Load()+whole.Load() != 40 || p.Held() != whole.Load()*512<<10 {
		t.Errorf("%d of %d bytes, %d whole, %d refused, %d held", peak.Load(), total, whole.Load(), full.Load(), p.Held())
	}
	for _, s := range spools {
		s.Close()
		s.Close()
	}
	if p.Held() != 0 || p.busy != 0 || p.memory != 1 || !p.HasRoom(total) || p.HasRoom(total+1) {
		t.Errorf("%d bytes held, %d being written, %d of memory left", p.Held(), p.busy, p.memory)
	}
}

// A mail that was refused for want of room has none while its rest arrives.
func TestRefusedSpoolGivesBackAtOnce(t *testing.T) {
	p := NewSpools(SpoolOptions{Dir: t.TempDir(), Budget: func() int64 { return 1 << 20 }})
	s := p.New(0)
	defer s.Close()
	if _, err := s.Write(make([]byte, 500<<10)); err != nil || p.Held() != 500<<10 {
		t.Fatalf("%d held, %v", p.Held(), err)
	}
	if _, err := s.Write(make([]byte, 2<<20)); !errors.Is(err, ErrSpoolFull) || p.Held() != 0 {
		t.Errorf("%d held, %v", p.Held(), err)
	}
	if err := s.Seal(); !errors.Is(err, ErrSpoolFull) {
		t.Errorf("sealed: %v", err)
	}
}

// Between two questions the budget is counted down; it is asked once a second
// while little is written, and before a mail is refused.
func TestBudgetIsAskedNowAndThen(t *testing.T) {
	left := int64(1000)
	asked, now := 0, time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	p := NewSpools(SpoolOptions{Dir: t.TempDir(), Memory: 1, Now: func() time.Time { return now }, Budget: func() int64 { asked++; return left }})
	s := p.New(0)
	defer s.Close()
	for range 10 {
		if _, err := s.Write(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	left = 0
	other := p.New(0)
	defer other.Close()
	if _, err := other.Write([]byte("x")); !errors.Is(err, ErrSpoolFull) {
		t.Errorf("the budget is spent: %v", err)
	}
	left = 1000
	if _, err := s.Write(make([]byte, 100)); err != nil || asked != 3 {
		t.Errorf("asked %d times: %v", asked, err)
	}
	now = now.Add(2 * time.Second)
	if _, err := s.Write(make([]byte, 100)); err != nil || asked != 4 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

// When all spools together have enough memory, mails go to files.
func TestSpoolsShareMemory(t *testing.T) {
	p := NewSpools(SpoolOptions{Dir: t.TempDir(), Memory: 20 << 10})
	first, second, third := p.New(0), p.New(0), p.New(0)
	data := bytes.Repeat([]byte("x"), 10<<10)
	for _, s := range []*Spool{first, second, third} {
		fillSpool(t, s, data, 1024)
	}
	if !first.InMemory() || second.InMemory() || third.InMemory() || p.memory != 4<<10 {
		t.Errorf("in memory: %v %v %v, %d left", first.InMemory(), second.InMemory(), third.InMemory(), p.memory)
	}
	for _, s := range []*Spool{first, second, third} {
		got := make([]byte, len(data))
		if _, err := s.ReadAt(got, 0); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%v", err)
		}
		s.Close()
	}
	if p.memory != 20<<10 {
		t.Errorf("%d left after close", p.memory)
	}
}

// Without room no file is made.
func TestFullSpoolLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	p := NewSpools(SpoolOptions{Dir: dir, Memory: 1, Budget: func() int64 { return -5 }})
	s := p.New(0)
	if _, err := s.Write([]byte("x")); !errors.Is(err, ErrSpoolFull) || s.file != nil {
		t.Errorf("%v", err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 0 {
		t.Errorf("%v %v", list, err)
	}
}

func TestDeclaredSizeIsBelievedOnceAnEighthIsHere(t *testing.T) {
	const piece = 16 << 10
	for _, c := range []struct{ declared, first, whole int }{
		{100 << 10, 100 << 10, 100 << 10},
		{8 * piece, 8 * piece, 8 * piece},
		{8*piece + 1, piece, 8*piece + 1},
		{0, piece, 4 * piece},
		{1, piece, 4 * piece},
		{2 * piece, 2 * piece, 4 * piece}, // too little was said
		{10 << 20, piece, 4 * piece},
	} {
		p := NewSpools(SpoolOptions{Dir: t.TempDir()})
		s := p.New(int64(c.declared))
		sizes := []int{}
		for range 3 {
			if _, err := s.Write(make([]byte, piece)); err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, cap(s.mem))
		}
		if sizes[0] != c.first || sizes[2] != c.whole || s.Size() != 3*piece {
			t.Errorf("%d declared: room for %v of %d bytes", c.declared, sizes, s.Size())
		}
		if err := s.Close(); err != nil || p.memory != SpoolMemoryTotal {
			t.Errorf("%d bytes left, %v", p.memory, err)
		}
	}
}
