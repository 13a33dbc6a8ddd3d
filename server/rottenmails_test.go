package server_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"postdesk/internal/testkit"
	"postdesk/store"
)

// rots flips a bit in the kept mail that has these words, and gives the way back.
func (d *desk) rots(words string) (mend func()) {
	d.Helper()
	flip := func() (n int) {
		err := filepath.WalkDir(filepath.Join(d.dir, "data", "journal"), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for from := 0; ; n++ {
				i := bytes.Index(b[from:], []byte(words))
				if i < 0 {
					return nil
				}
				from += i + len(words)
				at := int64(from - 1) // the last byte, so that the way back finds the others
				if _, err := f.WriteAt([]byte{b[at] ^ 1}, at); err != nil {
					return err
				}
			}
		})
		if err != nil {
			d.Fatal(err)
		}
		return n
	}
	if flip() == 0 {
		d.Fatalf("no kept mail has %q", words)
	}
	last := len(words) - 1
	changed := words[:last] + string(words[last]^1)
	return func() { words = changed; flip() }
}

// Threat 40: a mail of the outbox has rotted. It does not leave, and is not given up: when the disk
// gives back what was stored, it goes out.
func TestARottenMailDoesNotLeave(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	d.customers.SetScript(testkit.Script{testkit.AtMAIL: {Reply: "451 4.3.2 later"}})
	anne.answers(copy, "Redressez le TOURNESOL.\n")
	d.until("tried", d.tried)
	mend := d.rots("TOURNESOL")
	d.again() // a mail that was read before the rot may still be in memory
	d.customers.SetScript(nil)
	d.later(2 * time.Hour)
	d.srv.Relay.Wake()
	d.until("a failed attempt", func() bool {
		for _, row := range d.outbox() {
			if strings.Contains(row.Text, "can't be read") {
				return true
			}
		}
		return false
	})
	if all := jean.mailbox(); len(all) != 1 {
		t.Errorf("jean got %d mails, want the acknowledgement alone", len(all))
	}
	mend()
	d.later(2 * time.Hour)
	d.srv.Relay.Wake()
	d.says(jean.reads(), "TOURNESOL")
}

// A held mail has rotted. Nobody's word lets it go, and it stays held; the agent's server keeps the
// word until it is taken.
func TestARottenHeldMailIsNotReleased(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Une question", "Bonjour\n")
	anne.answers(copy, "Voyez ci-joint le CATALPA.\n")
	notice := anne.reads()
	mend := d.rots("CATALPA")
	to, word := replyTo(notice, anne.address, "#send\n")
	if err := d.send(anne.address, []string{to}, word); !refused(err, 451, "4.3.0") {
		t.Errorf("the word is answered with %v, want 451", err)
	}
	jean.hearsNothing()
	if held := d.held(); len(held) != 1 || held[0].State != store.Waiting {
		t.Errorf("held: %+v", held)
	}
	mend()
	if err := d.send(anne.address, []string{to}, word); err != nil {
		t.Fatal(err)
	}
	d.says(jean.reads(), "CATALPA")
}

// What is shown, quoted or passed on of a kept mail is what was stored, or nothing.
func TestARottenMailIsNotPassedOn(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"#assign bruno\n", "#show\n", "#attach 1\n"} {
		t.Run(strings.TrimSpace(command), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nil)
			jean, anne := d.jean(), d.anne()
			_, copy := d.ask(jean, anne, "Une question", "Voici un ARBOUSIER.\n")
			mend := d.rots("ARBOUSIER")
			to, mail := replyTo(copy, anne.address, command)
			if err := d.send(anne.address, []string{to}, mail); !refused(err, 451, "4.3.0") {
				t.Errorf("answered with %v, want 451", err)
			}
			d.bruno().hearsNothing()
			anne.hearsNothing()
			mend()
			if err := d.send(anne.address, []string{to}, mail); err != nil {
				t.Fatal(err)
			}
		})
	}
}
