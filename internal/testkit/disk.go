package testkit

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"postdesk/internal/disk"
)

// Errors of a Disk.
var (
	ErrDisk     = errors.New("testkit: the disk failed on purpose")
	ErrPowerOff = errors.New("testkit: the power is off")
	// ErrNoSpace is what a full disk gives.
	ErrNoSpace error = syscall.ENOSPC
)

// Disk is a real directory tree that can break. It remembers what was not yet
// synced, so that PowerOff leaves the tree as a power loss would: unsynced bytes
// and names are gone, or not, as the disk pleased.
type Disk struct {
	disk.OS
	grave string

	mu     sync.Mutex
	off    bool
	calls  int
	faults diskFaults
	syncs  int
	log    []string
	free   func() (bytes, inodes uint64)
	inodes map[string]*inode // by present path
	names  []nameChange      // not yet synced, oldest first
}

// inode is what a file's content was when it was last durable.
type inode struct {
	writes []change // not durable, oldest first
	lost   int      // so many of them were given up by a failed sync: no later sync makes them durable
}

// change is what a write covered.
type change struct {
	off     int64
	old     []byte
	oldSize int64
	n       int64
}

type nameChange struct {
	dir  string
	undo func(there func(string) string) error
}

// NewDisk makes a disk that works.
func NewDisk(t testing.TB) *Disk {
	return &Disk{grave: t.TempDir(), inodes: map[string]*inode{}}
}

// Calls counts the calls that changed something, or tried.
func (d *Disk) Calls() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls
}

// Syncs counts the syncs of files that succeeded.
func (d *Disk) Syncs() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.syncs
}

// Log lists the calls that changed something, in words.
func (d *Disk) Log() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.log...)
}

// SetFree lets Free give other numbers than the real ones.
func (d *Disk) SetFree(bytes, inodes uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.free = func() (uint64, uint64) { return bytes, inodes }
}

// Free tells what is left.
func (d *Disk) Free(path string) (bytes, inodes uint64, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.free != nil {
		bytes, inodes = d.free()
		return bytes, inodes, nil
	}
	return d.OS.Free(path)
}

// Open opens a file.
func (d *Disk) Open(path string) (disk.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		return nil, ErrPowerOff
	}
	if err := d.kindFails("open", path); err != nil {
		return nil, err
	}
	f, err := d.OS.Open(path)
	return d.wrap(f, path), err
}

func (d *Disk) wrap(f disk.File, path string) disk.File {
	if f == nil {
		return nil
	}
	if d.inodes[path] == nil {
		d.inodes[path] = &inode{}
	}
	return &diskFile{File: f, d: d, inode: d.inodes[path], name: path}
}

// Create makes a file. Its name is durable after SyncDir.
func (d *Disk) Create(path string) (disk.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.call("create", path); err != nil {
		return nil, err
	}
	f, err := d.OS.Create(path)
	if err != nil {
		return nil, err
	}
	delete(d.inodes, path)
	d.changed(path, func(there func(string) string) error { return os.Remove(there(path)) })
	return d.wrap(f, path), nil
}

func (d *Disk) changed(path string, undo func(there func(string) string) error) {
	d.names = append(d.names, nameChange{filepath.Dir(path), undo})
}

// Rename moves a file. Both names must be in one directory.
func (d *Disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.call("rename", to); err != nil {
		return err
	}
	kept, err := d.bury(to)
	if err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	d.inodes[to] = d.inodes[from]
	delete(d.inodes, from)
	d.changed(to, func(there func(string) string) error {
		err := os.Rename(there(to), there(from))
		if kept != "" {
			err = errors.Join(err, copyBack(kept, there(to)))
		}
		return err
	})
	return nil
}

func copyBack(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}

// bury keeps a file that is about to lose its name.
func (d *Disk) bury(path string) (kept string, err error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	kept = filepath.Join(d.grave, fmt.Sprint(d.calls, "-", filepath.Base(path)))
	return kept, os.Rename(path, kept)
}

// Remove takes a name away.
func (d *Disk) Remove(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := os.Stat(path); err != nil {
		return err
	}
	if err := d.call("remove", path); err != nil {
		return err
	}
	kept, err := d.bury(path)
	if err != nil {
		return err
	}
	d.changed(path, func(there func(string) string) error { return copyBack(kept, there(path)) })
	return nil
}

// Link makes a second name.
func (d *Disk) Link(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.call("link", to); err != nil {
		return err
	}
	return os.Link(from, to)
}

// SyncDir makes a directory's names durable.
func (d *Disk) SyncDir(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.call("syncdir", path); err != nil {
		return err
	}
	var rest []nameChange
	for _, n := range d.names {
		if n.dir != filepath.Clean(path) {
			rest = append(rest, n)
		}
	}
	d.names = rest
	return nil
}

// PowerOff drops what is not durable, and every later call fails. With a random source, each
// sector that is not durable and each name may have reached the disk or not; without, none has.
func (d *Disk) PowerOff(rng *rand.Rand) error {
	d.mu.Lock()
	d.off = true
	d.mu.Unlock()
	return d.PowerOffCopy("", "", rng)
}

// PowerOffCopy does to the tree to, a copy of the tree from as it is now, what a power loss
// would do to from. The disk itself goes on.
func (d *Disk) PowerOffCopy(from, to string, rng *rand.Rand) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	there := func(path string) string {
		if rel, err := filepath.Rel(from, path); to != "" && err == nil && filepath.IsLocal(rel) {
			return filepath.Join(to, rel)
		}
		return path
	}
	for path, in := range d.inodes {
		if err := in.drop(there(path), rng); err != nil {
			return err
		}
	}
	keep := 0
	if rng != nil && len(d.names) > 0 {
		keep = rng.IntN(len(d.names) + 1)
	}
	for i := len(d.names) - 1; i >= keep; i-- {
		if err := d.names[i].undo(there); err != nil {
			return err
		}
	}
	return nil
}

const sector = 512

// drop puts the old bytes back.
func (in *inode) drop(path string, rng *rand.Rand) error {
	if in == nil || len(in.writes) == 0 {
		return nil
	}
	now, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	old := append([]byte(nil), now...)
	for i := len(in.writes) - 1; i >= 0; i-- {
		old = in.writes[i].undo(old)
	}
	if rng != nil {
		mix(old, now, rng)
	}
	return os.WriteFile(path, old, 0o600)
}

// undo puts back what the write covered.
func (c *change) undo(b []byte) []byte {
	if int64(len(b)) < c.off+int64(len(c.old)) {
		b = append(b, make([]byte, c.off+int64(len(c.old))-int64(len(b)))...)
	}
	copy(b[c.off:], c.old)
	if int64(len(b)) < c.oldSize {
		return append(b, make([]byte, c.oldSize-int64(len(b)))...)
	}
	return b[:c.oldSize]
}

// mix lets some sectors of now through.
func mix(old, now []byte, rng *rand.Rand) {
	for off := 0; off < len(old) && off < len(now); off += sector {
		end := min(off+sector, len(old), len(now))
		if rng.IntN(2) == 0 {
			copy(old[off:end], now[off:end])
		}
	}
}

type diskFile struct {
	disk.File
	d     *Disk
	inode *inode
	name  string
}

// remember notes what n bytes from off are before they change.
func (f *diskFile) remember(off, n int64) error {
	size, err := f.Size()
	if err != nil {
		return err
	}
	c := change{off: off, oldSize: size, n: n, old: make([]byte, max(0, min(n, size-off)))}
	if _, err := f.File.ReadAt(c.old, off); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	f.inode.writes = append(f.inode.writes, c)
	return nil
}

func (f *diskFile) ReadAt(p []byte, off int64) (int, error) {
	f.d.mu.Lock()
	dark := f.d.off
	f.d.mu.Unlock()
	if dark {
		return 0, ErrPowerOff
	}
	return f.File.ReadAt(p, off)
}

func (f *diskFile) WriteAt(p []byte, off int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	broken := f.d.call("write", f.name)
	if f.d.off {
		return 0, broken
	}
	if err := f.remember(off, int64(len(p))); err != nil {
		return 0, err
	}
	if broken != nil {
		n, _ := f.File.WriteAt(p[:len(p)/2], off)
		return n, broken
	}
	return f.File.WriteAt(p, off)
}

func (f *diskFile) Sync() error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.d.call("sync", f.name); err != nil {
		f.inode.lost = len(f.inode.writes)
		return err
	}
	f.d.syncs++
	f.inode.writes = f.inode.writes[:f.inode.lost]
	return nil
}

// Close closes the file in any case, as close(2) does.
func (f *diskFile) Close() error {
	f.d.mu.Lock()
	err := f.d.kindFails("close", f.name)
	f.d.mu.Unlock()
	return errors.Join(err, f.File.Close())
}

func (f *diskFile) Truncate(size int64) error {
	return f.changing("truncate", func(now int64) (int64, int64) { return size, max(0, now-size) }, func() error { return f.File.Truncate(size) })
}

func (f *diskFile) Allocate(size int64) error {
	return f.changing("allocate", func(now int64) (int64, int64) { return now, 0 }, func() error { return f.File.Allocate(size) })
}

func (f *diskFile) Punch(off, n int64) error {
	return f.changing("punch", func(int64) (int64, int64) { return off, n }, func() error { return f.File.Punch(off, n) })
}

// changing runs a change of the range that covers tells from the present size.
func (f *diskFile) changing(what string, covers func(now int64) (off, n int64), do func() error) error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.d.call(what, f.name); err != nil {
		return err
	}
	size, err := f.Size()
	if err != nil {
		return err
	}
	if err := f.remember(covers(size)); err != nil {
		return err
	}
	return do()
}
