// Package disk is the little of a file system that durable storage needs,
// behind an interface, so that a test can break it.
package disk

import "io"

// File is an open file. ReadAt and WriteAt may be called from several
// goroutines.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes what was written durable (fdatasync). After an error nothing is
	// known of the file: the kernel may have marked lost pages as clean, so a
	// second Sync that succeeds proves nothing.
	Sync() error
	Truncate(size int64) error
	Size() (int64, error)
	// Allocate reserves blocks and extends the file to size, where the file
	// system can do so; where it can't, it is no error and does nothing.
	Allocate(size int64) error
	// Punch turns n bytes from off into zeros and gives their blocks back where
	// possible.
	Punch(off, n int64) error
	// Links counts the file's names (hard links).
	Links() (int, error)
}

// FS names files. Paths are the operating system's.
type FS interface {
	// Open opens an existing file for reading and writing.
	Open(path string) (File, error)
	// Create makes a new file, 0600; an existing one is an error.
	Create(path string) (File, error)
	Rename(from, to string) error
	Remove(path string) error
	// Link makes a second name for a file (a hard link).
	Link(from, to string) error
	// MkdirAll makes a directory and its parents, 0700.
	MkdirAll(path string) error
	// ReadDir lists the names in a directory, sorted.
	ReadDir(path string) ([]string, error)
	// SyncDir makes the names in a directory durable.
	SyncDir(path string) error
	// Free tells the bytes and inodes that are left for us. A file system that
	// does not count inodes gives the highest number.
	Free(path string) (bytes, inodes uint64, err error)
}
