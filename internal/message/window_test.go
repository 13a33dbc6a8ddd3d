package message

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// readOnly is a source that has to be read: its bytes count as lying elsewhere.
type readOnly struct{ src Source }

func (r readOnly) Size() int64 { return r.src.Size() }

func (r readOnly) ReadAt(p []byte, off int64) (int, error) { return r.src.ReadAt(p, off) }

// outline is what Parse found, without the pointers.
func outline(t *testing.T, src Source) string {
	t.Helper()
	m, err := Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := BodyHash(m)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%x %q\n", sum, m.Defects)
	m.Walk(func(p *Part) bool {
		fmt.Fprintf(&b, "%d %s %d %d %d %q\n", p.depth, p.MediaType, p.Start, p.Body, p.End, p.Text(1<<20))
		for _, f := range p.Header.Fields {
			fmt.Fprintf(&b, "  %q %q\n", f.Name, f.Raw)
		}
		return true
	})
	return b.String()
}

func TestMemoryIsReadAsFilesAre(t *testing.T) {
	mails := hostileMails()
	mails["ordinary"] = ordinaryMail
	for _, size := range []int{window - 3, window - 2, window - 1, window, window + 1, 2*window - 3, 3 * window} {
		line := strings.Repeat("x", size)
		mails[fmt.Sprint("a line of the body of ", size)] = "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\n" + line + "\r\n--a--\r\n"
		mails[fmt.Sprint("a field of ", size)] = "Subject: " + line + "\r\nTo: b@c.example\r\n\r\ntext\r\n"
		mails[fmt.Sprint("a junk line of ", size)] = "To: b@c.example\r\n" + line + "\r\nSubject: s\r\n\r\ntext\r\n"
	}
	for name, raw := range mails {
		src := BytesSource([]byte(raw))
		if a, b := outline(t, src), outline(t, readOnly{src}); a != b {
			t.Errorf("%s: read from memory\n%.2000s\nread from elsewhere\n%.2000s", name, a, b)
		}
	}
}

func TestWindow(t *testing.T) {
	src := BytesSource([]byte("0123456789"))
	for _, c := range []struct {
		name   string
		src    Source
		off, n int64
		want   string
	}{
		{"whole", src, 0, 10, "0123456789"},
		{"cut at both ends", src, -3, 99, "0123456789"},
		{"behind the end", src, 10, 1, ""},
		{"empty", src, 3, 0, ""},
		{"negative", src, 3, -1, ""},
		{"of a section", Section(src, 2, 5), 1, 99, "3456"},
		{"of a section of a section", Section(Section(src, 2, 5), 1, 2), 0, 2, "34"},
		{"of what has to be read", readOnly{src}, 0, 10, ""},
		{"of a section of what has to be read", Section(readOnly{src}, 0, 10), 0, 10, ""},
	} {
		got := Window(c.src, c.off, c.n)
		if string(got) != c.want || len(got) != cap(got) {
			t.Errorf("%s: %q of capacity %d, want %q", c.name, got, cap(got), c.want)
		}
	}
}

func TestWindowOfASpool(t *testing.T) {
	for _, memory := range []int{0, -1} {
		s := NewSpool(t.TempDir(), memory)
		if _, err := s.Write([]byte("0123456789")); err != nil {
			t.Fatal(err)
		}
		if got := Window(s, 0, 10); got != nil {
			t.Errorf("before Seal: %q", got)
		}
		if err := s.Seal(); err != nil {
			t.Fatal(err)
		}
		want := "234"
		if !s.InMemory() {
			want = ""
		}
		got := Window(s, 2, 3)
		if string(got) != want {
			t.Errorf("%q, want %q", got, want)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if string(got) != want || Window(s, 2, 3) != nil {
			t.Errorf("after Close %q, and %q anew", got, Window(s, 2, 3))
		}
	}
}

func TestSectionsAreReadAsTheirBytes(t *testing.T) {
	src := BytesSource([]byte("0123456789"))
	for off := int64(0); off < 7; off++ {
		for n := range 7 {
			a, b := make([]byte, n), make([]byte, n)
			gotN, gotErr := Section(readOnly{src}, 2, 5).ReadAt(a, off)
			wantN, wantErr := BytesSource([]byte("23456")).ReadAt(b, off)
			if gotN != wantN || gotErr != wantErr || !reflect.DeepEqual(a, b) {
				t.Errorf("%d bytes at %d: %d %v %q, want %d %v %q", n, off, gotN, gotErr, a, wantN, wantErr, b)
			}
		}
	}
}
