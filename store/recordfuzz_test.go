package store

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"testing"
)

// FuzzEngineRecords reads the engine's own records, which may be damaged: what can
// be read is written and read again as itself.
func FuzzEngineRecords(f *testing.F) {
	f.Add((&mailEntry{erased: true}).encode())
	f.Add((&position{mails: 9}).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		again(t, b, func(b []byte, e *mailEntry) (err error) { *e, err = decodeMailEntry(b); return err }, (*mailEntry).encode)
		again(t, b, func(b []byte, p *position) (err error) { *p, err = decodePosition(b); return err }, (*position).encode)
	})
}

// again reads a record, writes it, reads that, and compares what is written then.
func again[T any](t *testing.T, b []byte, decode func([]byte, *T) error, encode func(*T) []byte) {
	t.Helper()
	var one, two T
	if decode(b, &one) != nil {
		return
	}
	first := encode(&one)
	if err := decode(first, &two); err != nil {
		t.Fatalf("%x is written as %x, and that can't be read: %v", b, first, err)
	}
	if second := encode(&two); !bytes.Equal(first, second) {
		t.Fatalf("%x is written as %x and then as %x", b, first, second)
	}
}

// FuzzSnapshot reads blocks with right checksums and anything in them.
func FuzzSnapshot(f *testing.F) {
	where := (&position{mails: 9}).encode()
	f.Add(where, []byte("\x01\x01ab"), []byte(nil), uint64(1))
	f.Add(where, []byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x"), []byte("\x00"), uint64(0))
	f.Add([]byte("short"), []byte(nil), []byte(nil), uint64(0))
	f.Fuzz(func(t *testing.T, position, one, two []byte, count uint64) {
		var b bytes.Buffer
		w := snapshotWriter{w: bufio.NewWriter(&b)}
		_, _ = w.w.WriteString(snapshotMagic)
		for _, block := range [][]byte{position, one, two, nil, binary.BigEndian.AppendUint64(nil, count)} {
			if err := w.put(block); err != nil {
				t.Fatal(err)
			}
		}
		_ = w.w.Flush()
		read(t, b.Bytes(), len(one)+len(two))
		if b.Len() > 30 {
			read(t, b.Bytes()[:b.Len()-int(count%30)], len(one)+len(two))
		}
	})
}

func read(t *testing.T, b []byte, most int) {
	t.Helper()
	seen := 0
	r := snapshotReader{ctx: context.Background(), r: bufio.NewReader(bytes.NewReader(b))}
	_ = r.all(noPosition, func(k, v []byte) error { seen += len(k) + len(v); return nil })
	if seen > most {
		t.Fatalf("%d bytes of keys and values from %d", seen, most)
	}
}

func noPosition(position) {}
