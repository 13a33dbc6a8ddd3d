package testkit

import (
	"fmt"
	"path/filepath"
)

// diskFaults are the calls of a Disk that fail.
type diskFaults struct {
	at     int // of all calls that change something; 0 is none
	sticky bool
	with   error

	kind     string // of all calls of this kind, from kindAt on
	kindAt   int    // 1 is the next
	kindLeft int
	kindWith error
}

// FailAt lets the n-th call from now that changes something fail: 1 is the next. A write that
// fails has written half; a sync that fails has lost what was not synced.
func (d *Disk) FailAt(n int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults.at, d.faults.with, d.faults.sticky = d.calls+n, err, false
}

// FailFrom is FailAt for that call and all that follow.
func (d *Disk) FailFrom(n int, err error) {
	d.FailAt(n, err)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults.sticky = true
}

// FullFor lets the next n calls of one kind ("write", "allocate", "create") find no room.
func (d *Disk) FullFor(kind string, n int) { d.failKind(kind, 1, n, ErrNoSpace) }

// FailKind lets the n-th call of one kind from now fail. Beside the kinds that Log names there
// are "open" and "close", which are not among the calls of FailAt: they change nothing.
func (d *Disk) FailKind(kind string, n int, err error) { d.failKind(kind, n, 1, err) }

func (d *Disk) failKind(kind string, from, n int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults.kind, d.faults.kindAt, d.faults.kindLeft, d.faults.kindWith = kind, from, n, err
}

// Failed says whether all faults that were asked for have struck.
func (d *Disk) Failed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.faults.kindLeft == 0 && d.calls >= d.faults.at
}

// call counts a call and says whether it fails.
func (d *Disk) call(what, path string) error {
	if d.off {
		return ErrPowerOff
	}
	d.calls++
	d.log = append(d.log, what+" "+filepath.Base(path))
	if at := d.faults.at; at > 0 && (d.calls == at || d.faults.sticky && d.calls > at) {
		d.log[len(d.log)-1] += " FAILS"
		return fmt.Errorf("%s %s: %w", what, path, d.faults.with)
	}
	return d.kindFails(what, path)
}

// kindFails says whether a call of this kind fails.
func (d *Disk) kindFails(kind, path string) error {
	f := &d.faults
	if kind != f.kind || f.kindLeft == 0 {
		return nil
	}
	if f.kindAt > 1 {
		f.kindAt--
		return nil
	}
	f.kindLeft--
	d.log = append(d.log, kind+" "+filepath.Base(path)+" FAILS")
	return fmt.Errorf("%s %s: %w", kind, path, f.kindWith)
}
