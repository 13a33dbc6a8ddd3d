package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"postdesk/internal/config"
	"postdesk/internal/message"
	"postdesk/relay"
	"postdesk/server"
	"postdesk/store"
)

// readyz is what the health check says.
func (d *desk) readyz() int {
	d.Helper()
	r, err := http.Get("http://" + d.srv.Addr("http") + "/readyz")
	if err != nil {
		d.Fatal(err)
	}
	defer r.Body.Close()
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		d.Fatal(err)
	}
	return r.StatusCode
}

// blind can't be read.
type blind struct{ store.Engine }

func (blind) View(context.Context, func(store.ReadTx) error) error { return errors.New("unreadable") }

// A desk that takes mail and sends none must not look well.
func TestARelayThatDoesNotStartEndsTheServer(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	if code := d.readyz(); code != http.StatusOK {
		t.Fatalf("ready: %d", code)
	}
	d.restart(func(o *server.Options) { o.Relay = func(r *relay.Options) { r.Store = blind{r.Store} } })
	select {
	case err := <-d.srv.Fatal():
		if !strings.Contains(err.Error(), "the relay stopped") || !strings.Contains(err.Error(), "unreadable") {
			t.Error(err)
		}
	case <-time.After(wait):
		t.Fatal("nobody is told")
	}
	if code := d.readyz(); code != http.StatusServiceUnavailable {
		t.Errorf("ready: %d", code)
	}
}

// While the last sessions end nothing new goes out: a delivery that begins at
// the end of the grace would have none.
func TestShutdownStopsTheRelayAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	c, err := textproto.Dial("tcp", d.srv.Addr("mx"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	say := func(code int, line string) {
		t.Helper()
		if line != "" {
			if err := c.PrintfLine("%s", line); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := c.ReadResponse(code); err != nil {
			t.Fatal(err)
		}
	}
	say(220, "")
	say(250, "EHLO mx.client.example")
	say(250, "MAIL FROM:<jean@client.example>")
	say(250, "RCPT TO:<relationclient@example.com>")
	say(354, "DATA")
	stopped := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), wait)
		defer cancel()
		stopped <- d.srv.Shutdown(ctx)
	}()
	for {
		other, err := net.Dial("tcp", d.srv.Addr("mx"))
		if err != nil {
			break // no new mail is taken
		}
		other.Close()
	}
	say(250, crlf(letter("Jean <jean@client.example>", "relationclient@example.com", "q1@client.example", "Question", "Bonjour\n"))+".")
	c.Close()
	if err := <-stopped; err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if a, b := d.agents.Count(), d.customers.Count(); a != 0 || b != 0 {
		t.Errorf("%d and %d mails began to go out", a, b)
	}
	d.again()
	d.arrives(d.agents, 1)
	d.arrives(d.customers, 1)
}

// The floors of the store follow a reload.
func TestReloadChangesTheFloorOfTheDisk(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	put := func() error {
		return d.srv.Store.Update(t.Context(), func(tx store.Tx) error {
			_, err := tx.PutMail(message.BytesSource([]byte("Subject: x\r\n\r\n")))
			return err
		})
	}
	free, _, err := d.srv.Store.Free()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		floor string
		want  error
	}{{fmt.Sprintf("%dMB", free>>20*8), store.ErrDiskLow}, {"1MB", nil}} {
		cfg, err := config.Parse(d.srv.Config().File, []byte(strings.Replace(d.text, `min_free_disk = "1MB"`, `min_free_disk = "`+c.floor+`"`, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if err := d.srv.Reload(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		if err := put(); !errors.Is(err, c.want) {
			t.Errorf("with %s: %v", c.floor, err)
		}
	}
}
