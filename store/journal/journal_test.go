package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postdesk/internal/disk"
	"postdesk/internal/testkit"
)

func options(dir string) Options {
	return Options{Dir: dir, FS: disk.OS{}, SegmentSize: 4 << 10}
}

// open opens a journal and gives what it holds, one line per record.
func open(t testing.TB, o Options, from From) (*Journal, string) {
	t.Helper()
	var lines []string
	j, err := Open(o, from, func(r *Record) error {
		line := fmt.Sprint(r.Seq, ":")
		err := r.Ops(func(op Op) error {
			line += fmt.Sprintf(" %s=%.8s/%v", op.Key, op.Value, op.Delete)
			return nil
		})
		lines = append(lines, line)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j, strings.Join(lines, "\n")
}

// write commits a record with one blob and two operations.
func write(t testing.TB, j *Journal, blob string) (Position, Span) {
	t.Helper()
	b, err := j.Begin()
	if err != nil {
		t.Fatal(err)
	}
	span, err := b.Blob(strings.NewReader(blob), int64(len(blob)))
	if err != nil {
		t.Fatal(err)
	}
	b.Set([]byte("k"), []byte(blob[:min(8, len(blob))]))
	b.Delete([]byte("d"))
	at, err := b.Commit()
	if err != nil {
		t.Fatal(err)
	}
	return at, span
}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	j, _ := open(t, options(dir), From{})
	var want []string
	var spans []Span
	var blobs []string
	var last, third Position
	for i := range 12 { // several segments, and records larger than segment and buffer
		blob := strings.Repeat(fmt.Sprintf("blob %03d", i), 1<<(i+7)/8)
		at, span := write(t, j, blob)
		want = append(want, fmt.Sprintf("%d: k=%.8s/false d=/true", i+1, blob))
		spans, blobs, last = append(spans, span), append(blobs, blob), at
		if i == 2 {
			third = at
		}
	}
	j.Close()
	j, got := open(t, options(dir), From{})
	if got != strings.Join(want, "\n") {
		t.Errorf("read again:\n%s", got)
	}
	for i, s := range spans {
		b := make([]byte, s.Length)
		if _, err := j.ReadAt(s.Segment, b, s.Offset); err != nil && err != io.EOF || string(b) != blobs[i] {
			t.Errorf("blob %d differs: %v", i, err)
		}
	}
	if j.Last() != last {
		t.Errorf("the last is %+v, want %+v", j.Last(), last)
	}
	j.Close()
	if _, got := open(t, options(dir), From{After: third, Acked: 12}); got != strings.Join(want[3:], "\n") {
		t.Errorf("from the fourth on:\n%s", got)
	}
}

func TestRollbackLeavesNoTrace(t *testing.T) {
	j, _ := open(t, options(t.TempDir()), From{})
	b, err := j.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Blob(strings.NewReader("kept"), 4); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{10, 3 << 20} { // inside the buffer, and already in the file
		m := b.Mark()
		if _, err := b.Blob(bytes.NewReader(make([]byte, size)), int64(size)); err != nil {
			t.Fatal(err)
		}
		b.Set([]byte("gone"), nil)
		b.Rollback(m)
	}
	if _, err := b.Blob(strings.NewReader("short"), 50); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a source that is too short: %v", err)
	}
	span, err := b.Blob(strings.NewReader("also"), 4)
	if err != nil {
		t.Fatal(err)
	}
	b.Set([]byte("k"), []byte("v"))
	at, err := b.Commit()
	if err != nil {
		t.Fatal(err)
	}
	if at.End-at.Offset != headSize+8+5 {
		t.Errorf("the record has %d bytes", at.End-at.Offset)
	}
	all := make([]byte, 8)
	if _, err := j.ReadAt(span.Segment, all, span.Offset-4); err != nil || string(all) != "keptalso" {
		t.Errorf("blobs are %q, %v", all, err)
	}
}

// A mail may contain anything, the image of a record too.
func TestABlobCannotForgeARecord(t *testing.T) {
	dir := t.TempDir()
	j, _ := open(t, options(dir), From{})
	write(t, j, "first")
	var forged [headSize]byte
	h := head{seq: 3, ops: 0}
	h.encode(forged[:], new([16]byte)) // the sender does not know the salt
	at, _ := write(t, j, strings.Repeat(string(forged[:]), 20))
	j.Close()
	path := filepath.Join(dir, fileName(1))
	if err := os.Truncate(path, at.End-1); err != nil { // the second record is torn
		t.Fatal(err)
	}
	if _, got := open(t, options(dir), From{}); got != "1: k=first/false d=/true" {
		t.Errorf("after the loss:\n%s", got)
	}
}

func TestPoisonedForEver(t *testing.T) {
	for _, call := range []string{"write", "sync"} {
		d := testkit.NewDisk(t)
		o := options(t.TempDir())
		o.FS = d
		j, _ := open(t, o, From{})
		write(t, j, "first")
		b, err := j.Begin()
		if err != nil {
			t.Fatal(err)
		}
		b.Set([]byte("k"), nil)
		d.FailAt(map[string]int{"write": 1, "sync": 2}[call], testkit.ErrDisk)
		if _, err := b.Commit(); !errors.Is(err, ErrStopped) || !errors.Is(err, testkit.ErrDisk) {
			t.Errorf("%s: commit gives %v", call, err)
		}
		calls := d.Calls()
		if _, err := j.Begin(); !errors.Is(err, ErrStopped) {
			t.Errorf("%s: the next batch: %v", call, err)
		}
		if d.Calls() != calls {
			t.Errorf("%s: the disk was asked again", call)
		}
	}
}

// FuzzOpen gives the journal a segment of which anything may be true: it opens, or says why
// not, and what it gives has right checksums.
func FuzzOpen(f *testing.F) {
	dir := f.TempDir()
	j, _ := open(f, options(dir), From{})
	for i := range 3 {
		write(f, j, fmt.Sprintf("blob number %d", i))
	}
	j.Close()
	whole, err := os.ReadFile(filepath.Join(dir, fileName(1)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole, 0, byte(0))
	f.Add(whole, 70, byte(1))
	f.Add(whole[:150], 149, byte(4))
	f.Fuzz(func(t *testing.T, b []byte, at int, bits byte) {
		b = bytes.Clone(b)
		if at >= 0 && at < len(b) {
			b[at] ^= bits
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, fileName(1)), b, 0o600); err != nil {
			t.Fatal(err)
		}
		seq := uint64(0)
		j, err := Open(options(dir), From{}, func(r *Record) error {
			if seq++; r.Seq != seq {
				t.Errorf("record %d after %d", r.Seq, seq-1)
			}
			_ = r.Ops(func(Op) error { return nil })
			return nil
		})
		if err != nil {
			return
		}
		defer j.Close()
		write(t, j, "goes on")
	})
}

// FuzzOps: operations of any bytes are an error or operations.
func FuzzOps(f *testing.F) {
	f.Add(appendOp(appendOp(nil, Op{Key: []byte("k"), Value: []byte("v")}), Op{Key: []byte("d"), Delete: true}))
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		var again []byte
		err := decodeOps(b, func(op Op) error {
			again = appendOp(again, op)
			return nil
		})
		if err == nil && len(again) > len(b) {
			t.Errorf("%d bytes became %d", len(b), len(again))
		}
	})
}
