package config

import (
	"strings"
	"testing"
)

func TestSettingsThatDoNothingYetAreTold(t *testing.T) {
	for _, c := range []struct{ slot, text, key string }{
		{"team", `accept = "known"`, "team.accept"},
		{"team", `known_by = ["address", "serial"]`, "team.known_by"},
		{"team", `first_reply = "1d"`, "team.first_reply"},
		{"team", `update_every = "6h"`, "team.update_every"},
		{"team", `remind_customer = "3d"`, "team.remind_customer"},
		{"team", `close_after = "8d"`, "team.close_after"},
		{"team", "[[team.field]]\nname = \"Version\"", "team.field"},
		{"tickets", `keep_closed = "3y"`, "tickets.keep_closed"},
	} {
		got := strings.Join(parse(t, edit(c.slot, c.text)).Warnings, "\n")
		if strings.Count(got, notYet) != 1 || !strings.Contains(got, c.key+": ") {
			t.Errorf("%s:\n%s", c.text, got)
		}
	}
	quiet := "accept = \"anyone\"\nknown_by = [\"address\"]\nfirst_reply = \"2d\"\nupdate_every = \"\"\nremind_customer = \"\"\nclose_after = \"7d\""
	if got := strings.Join(parse(t, edit("team", quiet)).Warnings, "\n"); strings.Contains(got, notYet) {
		t.Errorf("defaults:\n%s", got)
	}
}
