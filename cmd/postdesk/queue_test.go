package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postdesk/store"
)

// more appends to the configuration.
func (s *shell) more(text string) {
	s.Helper()
	old, err := os.ReadFile(s.file)
	if err != nil {
		s.Fatal(err)
	}
	s.write("config.toml", string(old)+text)
}

type queuedJSON struct {
	ID, State, Purpose, Why, From, Subject, Agent string
	To                                            []string
}

// A flood is dropped mail by mail: acknowledgements go out again after the last.
func TestDroppingWhatTheBreakerHoldsClosesIt(t *testing.T) {
	s := newShell(t)
	s.more("\n[acknowledge]\nbreaker = \"1/m\"\n")
	s.serve()
	for i := range 3 {
		s.customer(fmt.Sprintf("c%d@client.example", i), "relationclient@example.com", fmt.Sprintf("%d@client.example", i), fmt.Sprintf("Numéro %d", i), "Bonjour\r\n")
	}
	held := decode[[]queuedJSON](s, s.postdesk("queue", "list", "--state", "held", "--json"))
	if len(held) != 2 {
		t.Fatalf("%+v", held)
	}
	s.stop()
	for i, m := range held {
		if !s.breakerOpen() {
			t.Errorf("closed with %d acknowledgements held", len(held)-i)
		}
		s.postdesk("queue", "drop", m.ID)
	}
	if s.breakerOpen() {
		t.Error("the breaker is open and holds nothing")
	}
}

// breakerOpen looks into the store. No server may run.
func (s *shell) breakerOpen() (open bool) {
	s.Helper()
	db, err := store.Open(store.Options{Dir: filepath.Join(s.dir, "data")})
	if err != nil {
		s.Fatal(err)
	}
	err = db.View(context.Background(), func(tx store.ReadTx) error {
		_, err := store.Window(tx, "ack-breaker", "", &open)
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		s.Fatal(err)
	}
	return open
}

// A file that someone is editing locks no admin out of the server that runs.
func TestABrokenConfigurationFileLeavesTheServerInReach(t *testing.T) {
	s := newShell(t)
	s.serve()
	s.more("\nodd = [\n")
	out, errs, code := s.try("", "queue", "list", "--json")
	if code != 0 || out != "[]\n" || !strings.Contains(errs, "warning: "+s.file) {
		t.Errorf("exit %d, %q, %q", code, out, errs)
	}
	s.fails(1, "config.toml:", "check")
	s.stop()
	s.fails(1, "config.toml:", "queue", "list")
}
