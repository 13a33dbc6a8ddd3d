package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"postdesk/internal/ticket"
)

// A ticket that can't be done, here by its team's own template, keeps no other
// from being done, and is tried again.
func TestATimerThatFailsKeepsNoOther(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	template := filepath.Join(folder, "holding.txt")
	broken := "Bonjour,\n{{if eq .Ticket.Number 10000}}{{index .Fields 9}}{{end}}patience.\n"
	if err := os.WriteFile(template, []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, withTimers(`first_reply = "1d"`, `update_every = ""`, `templates = "`+folder+`"`))
	d.at("Mon 2030-11-18 10:00")
	jean := d.jean()
	for _, subject := range []string{"La première", "La deuxième", "La troisième"} {
		jean.writes(generic, subject, subject+"\n")
		jean.reads()
	}
	d.later(25 * time.Hour)
	d.timers()
	got := jean.reads().subject() + jean.reads().subject()
	jean.hearsNothing()
	if strings.Contains(got, "première") || len(d.happened(10000, ticket.Overdue)) != 0 {
		t.Errorf("holding mails for %s", got)
	}
	if err := os.WriteFile(template, []byte("Bonjour,\npatience.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.again()
	d.later(2 * time.Hour)
	d.timers()
	if m := jean.reads(); m.subject() != "La première" {
		t.Errorf("after it was mended: %q", m.subject())
	}
	jean.hearsNothing()
}
