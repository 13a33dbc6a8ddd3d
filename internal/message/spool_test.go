package message

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"sync"
	"testing"
)

func fillSpool(t *testing.T, s *Spool, data []byte, chunk int) {
	t.Helper()
	for len(data) > 0 {
		n := min(chunk, len(data))
		if _, err := s.Write(data[:n]); err != nil {
			t.Fatal(err)
		}
		data = data[n:]
	}
	if err := s.Seal(); err != nil {
		t.Fatal(err)
	}
}

func TestSpoolKeepsBytesInMemoryAndInFile(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef\r\n"), 1000)
	for _, limit := range []int{-1, 1, 100, len(data) - 1, len(data), 0} {
		dir := t.TempDir()
		s := NewSpool(dir, limit)
		fillSpool(t, s, data, 777)
		got, err := io.ReadAll(io.NewSectionReader(s, 0, s.Size()))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("limit %d: %d bytes, %v", limit, len(got), err)
		}
		if s.SHA256() != sha256.Sum256(data) {
			t.Errorf("limit %d: wrong hash", limit)
		}
		if want := limit == 0 || limit >= len(data); s.InMemory() != want {
			t.Errorf("limit %d: in memory %v, want %v", limit, s.InMemory(), want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("limit %d: %d files left", limit, len(left))
		}
	}
}

func TestSpoolLeavesNothingBehindInACrash(t *testing.T) {
	dir := t.TempDir()
	s := NewSpool(dir, -1)
	defer s.Close()
	if _, err := s.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	info, err := s.file.Stat()
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 && s.name == "" {
		t.Errorf("the file still has a name: %v", left)
	}
}

func TestSpoolRefusesMisuse(t *testing.T) {
	s := NewSpool(t.TempDir(), 0)
	if _, err := s.ReadAt(make([]byte, 1), 0); !errors.Is(err, errSpoolOpen) {
		t.Errorf("read before seal: %v", err)
	}
	fillSpool(t, s, []byte("abc"), 3)
	if _, err := s.Write([]byte("d")); !errors.Is(err, errSpoolSealed) {
		t.Errorf("write after seal: %v", err)
	}
	if n, err := s.ReadAt(make([]byte, 5), 1); n != 2 || err != io.EOF {
		t.Errorf("short read: %d, %v", n, err)
	}
	if _, err := s.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("negative offset accepted")
	}
	s.Close()
	if err := s.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	if _, err := s.ReadAt(make([]byte, 1), 0); !errors.Is(err, errSpoolClosed) {
		t.Errorf("read after close: %v", err)
	}
}

// A mail that lost a piece to a full disk must never be sealed as whole.
func TestSpoolWriteErrorIsSticky(t *testing.T) {
	s := NewSpool(t.TempDir()+"/absent", 4)
	defer s.Close()
	if _, err := s.Write([]byte("12345")); err == nil {
		t.Fatal("write without a directory succeeded")
	}
	if _, err := s.Write([]byte("1")); err == nil {
		t.Error("write after a failed write succeeded")
	}
	if err := s.Seal(); err == nil {
		t.Error("a mail with a hole was sealed")
	}
}

func TestSpoolIsReadByManyGoroutines(t *testing.T) {
	data := bytes.Repeat([]byte("line\r\n"), 5000)
	for _, limit := range []int{-1, 0} {
		s := NewSpool(t.TempDir(), limit)
		fillSpool(t, s, data, 4096)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				got, err := io.ReadAll(io.NewSectionReader(s, 0, s.Size()))
				if err != nil || !bytes.Equal(got, data) {
					t.Errorf("limit %d: %d bytes, %v", limit, len(got), err)
				}
			})
		}
		wg.Wait()
		s.Close()
	}
}

func FuzzSpool(f *testing.F) {
	f.Add([]byte("From: a@b\r\n\r\nx"), 3, 4)
	f.Add(bytes.Repeat([]byte("x"), 300), 100, 7)
	f.Fuzz(func(t *testing.T, data []byte, limit, chunk int) {
		if chunk < 1 || chunk > 1<<16 {
			chunk = 1
		}
		s := NewSpool(t.TempDir(), limit%1024)
		defer s.Close()
		fillSpool(t, s, data, chunk)
		got, err := io.ReadAll(io.NewSectionReader(s, 0, s.Size()))
		if err != nil || !bytes.Equal(got, data) || s.SHA256() != sha256.Sum256(data) {
			t.Fatalf("%d bytes became %d, %v", len(data), len(got), err)
		}
	})
}
