package disk

import (
	"errors"
	"fmt"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// OS is the real file system.
type OS struct{}

// Open opens an existing file for reading and writing.
func (OS) Open(path string) (File, error) { return open(path, os.O_RDWR) }

// Create makes a new file.
func (OS) Create(path string) (File, error) { return open(path, os.O_RDWR|os.O_CREATE|os.O_EXCL) }

func open(path string, flag int) (File, error) {
	f, err := os.OpenFile(path, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Rename gives a file another name, atomically.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove takes a name away.
func (OS) Remove(path string) error { return os.Remove(path) }

// Link makes a second name.
func (OS) Link(from, to string) error { return os.Link(from, to) }

// MkdirAll makes a directory and its parents.
func (OS) MkdirAll(path string) error { return os.MkdirAll(path, 0o700) }

// ReadDir lists names, sorted.
func (OS) ReadDir(path string) ([]string, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

// SyncDir makes the names in a directory durable.
func (OS) SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Free asks statfs(2) for what an ordinary user may still take.
func (OS) Free(path string) (bytes, inodes uint64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, 0, fmt.Errorf("free space of %s: %w", path, err)
	}
	inodes = st.Ffree
	if st.Files == 0 { // btrfs and others make inodes as needed
		inodes = math.MaxUint64
	}
	return st.Bavail * uint64(st.Bsize), inodes, nil
}

type osFile struct{ *os.File }

func (f osFile) Sync() error {
	return ignoringEINTR(func() error { return unix.Fdatasync(int(f.Fd())) })
}

func (f osFile) Size() (int64, error) {
	fi, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return fi.Size(), nil
}

func (f osFile) Allocate(size int64) error {
	err := ignoringEINTR(func() error { return unix.Fallocate(int(f.Fd()), 0, 0, size) })
	if unsupported(err) {
		return nil
	}
	return err
}

func (f osFile) Punch(off, n int64) error {
	if n <= 0 {
		return nil
	}
	const mode = unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE
	err := ignoringEINTR(func() error { return unix.Fallocate(int(f.Fd()), mode, off, n) })
	if unsupported(err) {
		return f.zero(off, n)
	}
	return err
}

// zero overwrites, for file systems without holes.
func (f osFile) zero(off, n int64) error {
	zeros := make([]byte, min(n, 1<<20))
	for n > 0 {
		k, err := f.WriteAt(zeros[:min(n, int64(len(zeros)))], off)
		if err != nil {
			return err
		}
		off, n = off+int64(k), n-int64(k)
	}
	return nil
}

func (f osFile) Links() (int, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return 0, err
	}
	return int(st.Nlink), nil
}

func unsupported(err error) bool {
	return errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS)
}

// ignoringEINTR repeats a call that a signal broke off before it did anything.
func ignoringEINTR(f func() error) error {
	for {
		if err := f(); err != unix.EINTR {
			return err
		}
	}
}
