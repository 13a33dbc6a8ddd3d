package admin

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// dial serves h on a socket and gives a client of it.
func dial(t *testing.T, h http.Handler) *Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.sock")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &httptest.Server{Listener: ln, Config: &http.Server{Handler: h}}
	srv.Start()
	t.Cleanup(srv.Close)
	c, err := Dial(context.Background(), "unix:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func op(fn func(io.Writer) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serve(w, r, slog.New(slog.DiscardHandler), "test", func(_ context.Context, _ []byte, out io.Writer) error { return fn(out) })
	})
}

func TestAnErrorBeforeTheFirstByteIsTold(t *testing.T) {
	c := dial(t, op(func(io.Writer) error { return errors.New("line 1\nline 2: é") }))
	var out bytes.Buffer
	if err := c.Run(context.Background(), "x", None{}, &out); err == nil || err.Error() != "line 1\nline 2: é" || out.Len() > 0 {
		t.Errorf("%v, %q", err, &out)
	}
}

func TestAnErrorAfterTheFirstByteIsTold(t *testing.T) {
	c := dial(t, op(func(out io.Writer) error {
		if _, err := io.WriteString(out, strings.Repeat("x", 100_000)); err != nil {
			return err
		}
		return errors.New("half\nof it")
	}))
	var out bytes.Buffer
	if err := c.Run(context.Background(), "x", None{}, &out); err == nil || err.Error() != "half\nof it" || out.Len() != 100_000 {
		t.Errorf("%v after %d bytes", err, out.Len())
	}
}

func TestAServerThatDiesInAnAnswerIsAnError(t *testing.T) {
	c := dial(t, op(func(out io.Writer) error {
		if _, err := io.WriteString(out, strings.Repeat("x", 100_000)); err != nil {
			return err
		}
		panic(http.ErrAbortHandler)
	}))
	if err := c.Run(context.Background(), "x", None{}, io.Discard); err == nil || !strings.Contains(err.Error(), "broke off") {
		t.Error(err)
	}
}

func TestAnUnknownOperationSaysThatVersionsDiffer(t *testing.T) {
	c := dial(t, Handler(&Desk{}, slog.New(slog.DiscardHandler)))
	if err := c.Run(context.Background(), "ticket/odd", None{}, io.Discard); err == nil || err.Error() != ErrUnknownOperation.Error() {
		t.Error(err)
	}
	if err := (&Desk{}).Run(context.Background(), "ticket/odd", None{}, io.Discard); !errors.Is(err, ErrUnknownOperation) {
		t.Error(err)
	}
}

func TestNoServerIsNoError(t *testing.T) {
	for _, at := range []string{"", "unix:" + filepath.Join(t.TempDir(), "absent.sock")} {
		if _, err := Dial(context.Background(), at); !errors.Is(err, ErrNoServer) {
			t.Errorf("%q: %v", at, err)
		}
	}
}

// runner writes two results and then fails or not.
type runner struct{ err error }

func (r runner) Run(_ context.Context, _ string, _ any, out io.Writer) error {
	_, err := io.WriteString(out, "1\n2\n")
	return errors.Join(err, r.err)
}

func TestListEndsWithTheErrorOfEitherSide(t *testing.T) {
	sum := 0
	add := func(n int) error { sum += n; return nil }
	if err := List(context.Background(), runner{}, "x", None{}, add); err != nil || sum != 3 {
		t.Error(err, sum)
	}
	late := errors.New("late")
	if err := List(context.Background(), runner{late}, "x", None{}, add); !errors.Is(err, late) {
		t.Error(err)
	}
	full := errors.New("full")
	if err := List(context.Background(), runner{}, "x", None{}, func(int) error { return full }); !errors.Is(err, full) {
		t.Error(err)
	}
}

func FuzzParseContacts(f *testing.F) {
	f.Add("address,name\na@x.example b@x.example,Jean\n@x.example,\n")
	f.Add("\uFEFFaddress;field:serial\n\"a@x.example\";1\n")
	f.Add("name\tknown\taddress\n\tno\ta@x.example\n")
	f.Fuzz(func(t *testing.T, text string) {
		rows, err := parseContacts(text)
		if err != nil {
			return
		}
		for _, row := range rows {
			if len(row.addresses) == 0 {
				t.Errorf("line %d has no address", row.line)
			}
		}
	})
}
