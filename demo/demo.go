// Package demo plays some days of a help desk on a running postdesk: real SMTP
// on loopback, a clock that is moved, no configuration, no network.
package demo

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/config"
	"postdesk/server"
	"postdesk/store"
)

// patience is how long a mail of the demo may take.
const patience = 10 * time.Second

// Run starts everything in a temporary folder, plays the conversation, and
// prints it to out. With keep it then stays until ctx ends, so that one can
// look around. The error says which mail did not arrive.
func Run(ctx context.Context, out io.Writer, keep bool) error {
	dir, err := os.MkdirTemp("", "postdesk-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := newStage(ctx, dir, out)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.play(ctx); err != nil {
		return err
	}
	if !keep {
		return nil
	}
	s.invite(dir)
	<-ctx.Done()
	return nil
}

// stage is a running postdesk and the people around it.
type stage struct {
	out     io.Writer
	desk    *server.Server
	host    *mailHost    // everybody's mailboxes
	skew    atomic.Int64 // how far the demo's clock is ahead
	written int          // mails that people wrote
	dir     string
}

func newStage(ctx context.Context, dir string, out io.Writer) (s *stage, err error) {
	s = &stage{out: out, dir: dir}
	s.skew.Store(int64(nextMonday(time.Now())))
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.host, err = newMailHost(); err != nil {
		return nil, err
	}
	text, err := s.configuration(dir)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	cfg, err := config.Load(file)
	if err != nil {
		return nil, err
	}
	s.desk, err = server.Start(ctx, server.Options{Config: cfg, Resolver: names{}, Now: s.now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	return s, s.knownCustomer(ctx)
}

// now is the demo's clock.
func (s *stage) now() time.Time { return time.Now().Add(time.Duration(s.skew.Load())) }

// nextMonday is the way to ten o'clock on a Monday, when the desk is open.
func nextMonday(now time.Time) time.Duration {
	day := now.AddDate(0, 0, (int(time.Monday-now.Weekday())+7)%7)
	return time.Date(day.Year(), day.Month(), day.Day(), 10, 0, 0, 0, paris()).Sub(now)
}

// paris is the zone of the demo's teams.
func paris() *time.Location {
	if zone, err := time.LoadLocation("Europe/Paris"); err == nil {
		return zone
	}
	return time.UTC
}

func (s *stage) close() {
	if s.desk != nil {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = s.desk.Shutdown(ctx)
	}
	if s.host != nil {
		s.host.close()
	}
}

// knownCustomer enters Jean as a contact whom Anne looks after.
func (s *stage) knownCustomer(ctx context.Context) error {
	return s.desk.Store.Update(ctx, func(tx store.Tx) error {
		return store.SaveContact(tx, &store.Contact{Name: "Jean Client", Addresses: []addr.Address{{Local: "jean", Domain: "client.example"}},
			Agent: "anne", Known: true, Created: s.now()})
	})
}

// invite tells where everything is, for those who want to go on by hand.
func (s *stage) invite(dir string) {
	fmt.Fprintf(s.out, `
The demo goes on until you press Ctrl-C.
  MX          %s   (mail for relationclient@example.com)
  submission  %s
  metrics     http://%s/metrics
  commands    postdesk --config %s/config.toml ticket list
`, s.desk.Addr("mx"), s.desk.Addr("submission"), s.desk.Addr("http"), dir)
}

// settle waits until all that is under way has arrived, and what was not read is
// forgotten.
func (s *stage) settle(ctx context.Context) error {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		var outbox map[string]int64
		err := s.desk.Store.View(ctx, func(tx store.ReadTx) (err error) {
			outbox, err = store.Tally(tx, "outbox")
			return err
		})
		if err != nil {
			return err
		}
		if outbox[string(store.Ready)]+outbox[string(store.Sending)] == 0 {
			s.host.empty()
			return nil
		}
	}
	return fmt.Errorf("mails are still under way after %v", patience)
}

// later moves the demo's clock, and lets postdesk look at it.
func (s *stage) later(d time.Duration) {
	s.skew.Add(int64(d))
	s.desk.ClockMoved()
}

// print shows a text that is no mail.
func (s *stage) print(text string) {
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		fmt.Fprintf(s.out, "   │ %s\n", line)
	}
}

// act begins a part of the demo.
func (s *stage) act(title string) {
	fmt.Fprintf(s.out, "\n\n══ %s\n", title)
}

// typed shows what somebody types.
func (s *stage) typed(who person, text string) {
	fmt.Fprintf(s.out, "   %s types:\n", who.name)
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		fmt.Fprintf(s.out, "   > %s\n", line)
	}
}

func (s *stage) say(format string, args ...any) {
	fmt.Fprintf(s.out, "\n── "+format+"\n", args...)
}

// show prints the part of a mail that matters to a reader.
func (s *stage) show(m *letter) {
	width := 76
	fmt.Fprintf(s.out, "   ┌%s\n", strings.Repeat("─", width))
	for _, name := range []string{"From", "To", "Cc", "Subject", "Auto-Submitted", "In-Reply-To"} {
		if v := m.Header.Text(name); v != "" {
			fmt.Fprintf(s.out, "   │ %s: %s\n", name, v)
		}
	}
	if sig := m.Header.Get("DKIM-Signature"); sig != "" {
		fmt.Fprintf(s.out, "   │ DKIM-Signature: %s…\n", strings.Join(strings.Fields(sig)[:4], " "))
	}
	fmt.Fprintln(s.out, "   │")
	for _, line := range strings.Split(strings.TrimRight(m.text(), "\n"), "\n") {
		fmt.Fprintf(s.out, "   │ %s\n", line)
	}
	for _, a := range m.Attachments() {
		fmt.Fprintf(s.out, "   │ [attachment %s, %s]\n", a.FileName(), a.MediaType)
	}
	fmt.Fprintf(s.out, "   └%s\n", strings.Repeat("─", width))
}
