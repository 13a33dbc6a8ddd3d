package compose

import (
	"strings"
	"testing"
	"time"

	"postdesk/internal/message"
)

func TestInvitationBecomesTheAgents(t *testing.T) {
	in := testCopyIn(t, "fr")
	in.Invite = true
	in.Mail = parse(t, "From: jean@client.example\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n\nRendez-vous\n--b\nContent-Type: text/calendar; method=REQUEST\n\n"+
		"BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nORGANIZER;CN=Jean:mailto:jean@client.exa\n mple\nATTENDEE;CN=RC:mailto:RelationClient@example.com\nATTENDEE:mailto:marie@client.example\nEND:VEVENT\nEND:VCALENDAR\n--b--\n")
	out, err := testComposer(t).Copy(in)
	if err != nil {
		t.Fatal(err)
	}
	all := decodeAll(t, out.Source)
	for _, want := range []string{"ORGANIZER;CN=Jean:mailto:" + tokenAddr, "ATTENDEE;CN=RC:mailto:" + private, "ATTENDEE:mailto:marie@client.example"} {
		if !strings.Contains(strings.ReplaceAll(all, "\n ", ""), want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
}

func TestActivity(t *testing.T) {
	src, err := testComposer(t).Activity(ActivityIn{
		Head: testHead(t, private, "Rappeler Jean [#10000]"), Team: testTeam("fr"), From: mustAddr(t, tokenAddr), UID: "a.1@example.com",
		Summary: "Rappeler Jean; urgent", Text: "Ligne 1\nLigne 2, \"devis\"", Start: testDate.Add(48 * time.Hour), Duration: 30 * time.Minute, Agent: `Anne "A" Durand`,
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err := message.Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	cal := m.Root.Children[1]
	if text := cal.Text(1 << 16); cal.Params["method"] != "REQUEST" || !strings.Contains(text, "DTSTART:20261123T213000Z\n") || !strings.Contains(text, `SUMMARY:Rappeler Jean\; urgent`) {
		t.Error(text)
	}
	golden(t, "activity.fr", bytesOf(t, src))
}
