// Package demo plays a conversation between a customer and two agents on a
// running postdesk: real SMTP on loopback, no configuration, no network.
package demo

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
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
	out              io.Writer
	desk             *server.Server
	customer, agents *mailbox // the customers' and the agents' mail servers
}

func newStage(ctx context.Context, dir string, out io.Writer) (s *stage, err error) {
	s = &stage{out: out}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.customer, err = newMailbox("mx.client.example"); err != nil {
		return nil, err
	}
	if s.agents, err = newMailbox("mx.corp.example"); err != nil {
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
	s.desk, err = server.Start(ctx, server.Options{Config: cfg, Resolver: names{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	return s, s.knownCustomer(ctx)
}

func (s *stage) close() {
	if s.desk != nil {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = s.desk.Shutdown(ctx)
	}
	for _, m := range []*mailbox{s.customer, s.agents} {
		if m != nil {
			m.close()
		}
	}
}

// knownCustomer enters Jean as a contact whom Anne looks after.
func (s *stage) knownCustomer(ctx context.Context) error {
	return s.desk.Store.Update(ctx, func(tx store.Tx) error {
		return store.SaveContact(tx, &store.Contact{Name: "Jean Client", Addresses: []addr.Address{{Local: "jean", Domain: "client.example"}},
			Agent: "anne", Known: true, Created: time.Now()})
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
