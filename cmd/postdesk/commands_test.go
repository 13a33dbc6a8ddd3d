package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

type ticketJSON struct {
	Number                                           uint64
	Subject, Team, Requester, Assignee, Status, Turn string
	Priority, Category, Created, Updated             string
	Tags                                             []string
	Fields                                           map[string]string
	Messages                                         []struct {
		Seq                  uint64
		Kind, From, Delivery string
		MessageID            string `json:"message_id"`
		Raw                  []byte
	}
	Events []struct{ What string }
	Erased bool
}

func TestTicketCommandsWithAndWithoutAServer(t *testing.T) {
	s := newShell(t)
	s.serve()
	mail := s.customer("jean@client.example", "relationclient@example.com", "one@client.example", "Boite PH cassee", "Bonjour\r\nFrom nobody\r\n>From him\r\n")
	s.settle()
	look := func(how string) {
		t.Helper()
		list := decode[[]ticketJSON](s, s.postdesk("ticket", "list", "--json"))
		if len(list) != 1 || list[0].Number != 10000 || list[0].Team != "relationclient@example.com" || list[0].Requester != "jean@client.example" ||
			list[0].Status != "new" || list[0].Turn != "desk" || list[0].Priority != "low" || list[0].Tags == nil || list[0].Fields == nil {
			t.Errorf("%s: %+v", how, list)
		}
		show := decode[ticketJSON](s, s.postdesk("ticket", "show", "10000", "--json"))
		if len(show.Messages) != 1 || show.Messages[0].MessageID != "one@client.example" || show.Messages[0].From != "jean@client.example" ||
			show.Messages[0].Seq != 1 || show.Messages[0].Kind != "in" || show.Messages[0].Delivery != "delivered" {
			t.Errorf("%s: %+v", how, show.Messages)
		}
		if raw := s.postdesk("ticket", "show", "10000", "--raw", "1"); raw != mail {
			t.Errorf("%s: raw is %q; want %q", how, raw, mail)
		}
		if how == "no server" { // each command opens the data directory, and the race detector makes that slow
			return
		}
		if text := s.postdesk("ticket", "list"); !strings.Contains(text, "Boite PH cassee") || !strings.HasPrefix(text, "NUMBER  STATUS") {
			t.Errorf("%s: %s", how, text)
		}
		if text := s.postdesk("ticket", "history", "10000"); !strings.Contains(text, "acknowledged") {
			t.Errorf("%s: %s", how, text)
		}
		box := s.postdesk("ticket", "export", "10000")
		if !strings.HasPrefix(box, "From jean@client.example ") || !strings.Contains(box, "\n>From nobody\n>>From him\n\n") || strings.Contains(box, "\r") ||
			!strings.Contains(box, "\nReturn-Path: <jean@client.example>\n") {
			t.Errorf("%s: mbox %s", how, box)
		}
		whole := decode[ticketJSON](s, s.postdesk("ticket", "export", "10000", "--json"))
		if len(whole.Messages) != 1 || string(whole.Messages[0].Raw) != mail || len(whole.Events) == 0 {
			t.Errorf("%s: %+v", how, whole)
		}
		if none := s.postdesk("ticket", "list", "--json", "--status", "closed"); strings.TrimSpace(none) != "[]" {
			t.Errorf("%s: %s", how, none)
		}
		s.fails(1, "there is no ticket 7", "ticket", "show", "7")
		s.fails(1, "there is no mail 9 in ticket 10000", "ticket", "show", "10000", "--raw", "9")
		s.fails(2, "unknown status", "ticket", "list", "--status", "odd")
		s.fails(1, "nobody@example.com is no team's address; want one of relationclient@example.com, export", "ticket", "list", "--team", "nobody@example.com")
		s.fails(1, `no agent has the id "gaston"`, "ticket", "list", "--assignee", "gaston")
	}
	look("server")
	s.stop()
	look("no server")
}

func TestTicketSetHandsTheMailOver(t *testing.T) {
	s := newShell(t)
	s.serve()
	s.customer("jean@client.example", "relationclient@example.com", "two@client.example", "Question", "Bonjour\r\n")
	s.settle()
	before := s.agents.Count()
	set := decode[ticketJSON](s, s.postdesk("ticket", "set", "10000", "--json", "assignee=bruno", "priority=high", "category=retour", "tag=ph", "field.serial=A1", "status=pending"))
	if set.Assignee != "bruno" || set.Priority != "high" || set.Category != "retour" || len(set.Tags) != 1 || set.Fields["serial"] != "A1" || set.Turn != "customer" {
		t.Errorf("%+v", set)
	}
	s.settle()
	if got := decode[ticketJSON](s, s.postdesk("ticket", "set", "10000", "team=export@example.com", "--json")); got.Team != "export@example.com" || got.Assignee != "bruno" {
		t.Errorf("%+v", got)
	}
	s.settle()
	if s.agents.Count() <= before {
		t.Error("the new assignee did not get the mail")
	}
	s.fails(1, "no agent who may be assigned", "ticket", "set", "10000", "assignee=zoe", "priority=low")
	if got := decode[ticketJSON](s, s.postdesk("ticket", "show", "10000", "--json")); got.Priority != "high" {
		t.Error("half of a refused change was made")
	}
	if got := decode[ticketJSON](s, s.postdesk("ticket", "set", "10000", "tag=+vip", "--json")); !slices.Contains(got.Tags, "vip") {
		t.Errorf("tags %q", got.Tags)
	}
	s.fails(1, "can't be taken away", "ticket", "set", "10000", "tag=-vip")
	s.fails(1, "is empty", "ticket", "set", "10000", "tag=+")
	if text := s.postdesk("ticket", "history", "10000"); strings.Contains(text, "= ") || strings.Contains(text, "=\n") {
		t.Errorf("an empty value in the history:\n%s", text)
	}
	s.fails(1, "unknown key", "ticket", "set", "10000", "colour=red")
	s.fails(2, "is not KEY=VALUE", "ticket", "set", "10000", "colour")
	if text := s.postdesk("ticket", "history", "10000"); !strings.Contains(text, "admin ") {
		t.Errorf("the history does not name the admin: %s", text)
	}
}

func TestQueueOfHeldMailAndOfTheOutbox(t *testing.T) {
	s := newShell(t)
	s.serve()
	// An agent's address without proof: held.
	s.customer("anne.durand@corp.example", "relationclient@example.com", "forged@corp.example", "Remise", "bonjour\r\n")
	s.settle()
	type row struct{ ID, State, Why, Agent string }
	held := decode[[]row](s, s.postdesk("queue", "list", "--state", "held", "--json"))
	if len(held) != 1 || held[0].ID != "h1" || held[0].State != "held" || held[0].Why != "identity" || held[0].Agent != "anne" {
		t.Fatalf("%+v", held)
	}
	if text := s.postdesk("queue", "list"); !regexp.MustCompile(`h1 +held +agent's mail +anne .*identity: `).MatchString(text) {
		t.Error(text)
	}
	if text := s.postdesk("queue", "show", "h1"); !strings.Contains(text, "Remise") {
		t.Error(text)
	}
	if raw := s.postdesk("queue", "show", "h1", "--raw"); !strings.Contains(raw, "\r\nbonjour\r\n") {
		t.Error(raw)
	}
	if got := decode[row](s, s.postdesk("queue", "drop", "h1", "--json")); got.State != "cancelled" {
		t.Errorf("%+v", got)
	}
	s.fails(1, "decided", "queue", "release", "h1")
	s.customer("anne.durand@corp.example", "relationclient@example.com", "real@corp.example", "Une demande", "bonjour encore\r\n")
	if got := decode[row](s, s.postdesk("queue", "release", "h2", "--json")); got.State != "released" {
		t.Errorf("%+v", got)
	}
	if list := decode[[]ticketJSON](s, s.postdesk("ticket", "list", "--json")); len(list) != 1 || list[0].Subject != "Une demande" {
		t.Errorf("%+v", list)
	}
	s.settle()
	s.stop()

	// Without a server the outbox stands still.
	s.postdesk("welcome", "anne")
	ready := decode[[]row](s, s.postdesk("queue", "list", "--state", "ready", "--json"))
	if len(ready) != 1 {
		t.Fatalf("%+v", ready)
	}
	id := ready[0].ID
	if text := s.postdesk("queue", "hold", "--all"); text != "1 mails held\n" {
		t.Error(text)
	}
	s.fails(1, "is held and can't be retried", "queue", "retry", id)
	if got := decode[row](s, s.postdesk("queue", "release", id, "--json")); got.State != "ready" {
		t.Errorf("%+v", got)
	}
	if got := decode[row](s, s.postdesk("queue", "drop", id, "--json")); got.State != "dropped" {
		t.Errorf("%+v", got)
	}
	s.serve()
	s.fails(1, "can't be released", "queue", "release", id)
	if text := s.postdesk("queue", "release", "--all"); text != "0 mails released\n" {
		t.Error(text)
	}
	s.fails(1, "there is no mail 999", "queue", "show", "999")
	s.fails(1, "is no id of the queue", "queue", "show", "x1")
	s.fails(1, "unknown state", "queue", "list", "--state", "odd")
	s.fails(2, "want --all", "queue", "hold")
}

func TestContactsByCSV(t *testing.T) {
	s := newShell(t)
	s.serve()
	csv := "\uFEFFaddress;name;company;agent;field:serial\njean@client.example j@home.example;Jean Client;Client SA;anne;A-1\n@other.example;;Other;bruno;\n"
	path := s.write("contacts.csv", csv)
	if out := s.postdesk("contact", "import", path, "--dry-run"); !strings.HasSuffix(out, "\n2 new, 0 changed, 0 unchanged (nothing was written)\n") ||
		!strings.Contains(out, `line 2: jean@client.example (new): address +jean@client.example, address +j@home.example, name "" → "Jean Client"`) ||
		!strings.Contains(out, "line 3: @other.example (new): ") {
		t.Error(out)
	}
	if out := s.postdesk("contact", "list", "--json"); strings.TrimSpace(out) != "[]" {
		t.Error(out)
	}
	if out := s.postdesk("contact", "import", path); out != "2 new, 0 changed, 0 unchanged\n" {
		t.Error(out)
	}
	exported := s.postdesk("contact", "export")
	want := "address,name,company,agent,language,field:serial,known\njean@client.example j@home.example,Jean Client,Client SA,anne,,A-1,yes\n@other.example,,Other,bruno,,,yes\n"
	if exported != want {
		t.Errorf("export:\n%s\nwant:\n%s", exported, want)
	}
	if out, errs, code := s.try(exported, "contact", "import", "-"); code != 0 || out != "0 new, 0 changed, 2 unchanged\n" {
		t.Error(out, errs, code)
	}
	changed := s.write("changed.csv", "address,name,field:serial\njean@client.example third@home.example,Jean,\n@other.example,,\n")
	wantChange := "line 2: jean@client.example (contact 1): address +third@home.example, name \"Jean Client\" → \"Jean\", field:serial \"A-1\" → \"\"\n" +
		"0 new, 1 changed, 1 unchanged (nothing was written)\n"
	if out := s.postdesk("contact", "import", changed, "--dry-run"); out != wantChange {
		t.Errorf("%s, want\n%s", out, wantChange)
	}
	bad := s.write("bad.csv", "address,agent,language\nnobody,,\na@x.example,zoe,fr\na@x.example,,fr\n")
	s.fails(1, "line 2: address: \"nobody\"", "contact", "import", bad)
	bad = s.write("bad.csv", "address,agent\na@x.example,zoe\na@x.example,\n")
	s.fails(1, "line 2: agent: no agent has the id \"zoe\"", "contact", "import", bad)
	s.fails(1, "line 3: address: a@x.example is in line 2 too", "contact", "import", bad)
	s.fails(1, "unknown column", "contact", "import", s.write("bad.csv", "address,colour\n"))
	s.fails(1, "line 2: field:serial: the name of a field has at most 100 bytes, its value 500", "contact", "import",
		s.write("bad.csv", "address,field:serial\na@x.example,"+strings.Repeat("1", 501)+"\n"))
	s.fails(1, "not UTF-8", "contact", "import", s.write("bad.csv", "address,name\na@x.example,Ren\xe9\n"))

	s.postdesk("contact", "set", "jean@client.example", "name=Jean C.", "address=+jc@client.example", "field.serial=", "field.city=Lyon")
	type contact struct {
		ID        uint64
		Name      string
		Addresses []string
		Fields    map[string]string
	}
	got := decode[contact](s, s.postdesk("contact", "show", "jc@client.example", "--json"))
	if got.Name != "Jean C." || len(got.Addresses) != 3 || got.Fields["city"] != "Lyon" || got.Fields["serial"] != "" {
		t.Errorf("%+v", got)
	}
	s.postdesk("contact", "set", "autre@client.example", "name=Autre", "field.phone=12")
	merged := decode[contact](s, s.postdesk("contact", "merge", "jean@client.example", "autre@client.example", "--json"))
	if merged.ID != got.ID || len(merged.Addresses) != 4 || merged.Fields["phone"] != "12" || merged.Name != "Jean C." {
		t.Errorf("%+v", merged)
	}
	if again := decode[contact](s, s.postdesk("contact", "show", "autre@client.example", "--json")); again.ID != got.ID {
		t.Errorf("%+v", again)
	}
	s.fails(1, "same contact", "contact", "merge", "jean@client.example", "autre@client.example")
	s.fails(1, "there is no contact with the address", "contact", "show", "x@y.example")
}

func TestEraseTakesAPersonOutOfEverything(t *testing.T) {
	s := newShell(t)
	s.serve()
	s.customer("jean@client.example", "relationclient@example.com", "secret@client.example", "Mon secret", "le secret de Jean\r\n")
	s.customer("paul@other.example", "relationclient@example.com", "paul@other.example", "Autre chose", "de Paul\r\n")
	s.settle()
	before := s.postdesk("ticket", "export", "10000", "--json")
	type erased struct {
		Tickets, Mails, Outbox int
		Addresses              []string
		DryRun                 bool `json:"dry_run"`
	}
	would := decode[erased](s, s.postdesk("contact", "erase", "JEAN@client.example", "--dry-run", "--json"))
	if !would.DryRun || would.Tickets != 1 || would.Mails == 0 || would.Outbox == 0 || len(would.Addresses) != 1 || would.Addresses[0] != "jean@client.example" {
		t.Errorf("%+v", would)
	}
	s.fails(1, "there is no trace", "contact", "erase", "x@y.example", "--dry-run")
	if out := s.postdesk("contact", "erase", "jean@client.example", "--dry-run"); !strings.HasPrefix(out, "jean@client.example would be erased from 1 tickets") {
		t.Error(out)
	}
	if s.postdesk("ticket", "export", "10000", "--json") != before {
		t.Error("a dry run wrote something")
	}
	did := decode[erased](s, s.postdesk("contact", "erase", "JEAN@client.example", "--json"))
	if did.Tickets != would.Tickets || did.Mails != would.Mails || did.Outbox != would.Outbox {
		t.Errorf("did %+v, would have done %+v", did, would)
	}
	show := s.postdesk("ticket", "show", "10000", "--json")
	got := decode[ticketJSON](s, show)
	if !got.Erased || got.Requester != "" || got.Subject != "(erased)" || len(got.Messages) != 1 {
		t.Errorf("%+v", got)
	}
	everything := show + s.postdesk("ticket", "history", "10000") + s.postdesk("ticket", "export", "10000") + s.postdesk("ticket", "export", "10000", "--json") +
		s.postdesk("contact", "list") + s.postdesk("contact", "export") + s.postdesk("queue", "list") + s.postdesk("ticket", "list")
	for _, trace := range []string{"jean@", "Jean", "secret"} {
		if strings.Contains(everything, trace) {
			t.Errorf("%q is left in %s", trace, everything)
		}
	}
	s.fails(1, "erased", "ticket", "show", "10000", "--raw", "1")
	s.fails(1, "there is no mail with the Message-ID", "explain", "<secret@client.example>")
	s.fails(1, "there is no trace of jean@client.example", "contact", "erase", "jean@client.example")
	s.fails(1, "an agent or a team", "contact", "erase", "anne.durand@corp.example")
	if raw := s.postdesk("ticket", "show", "10001", "--raw", "1"); !strings.Contains(raw, "de Paul") {
		t.Error("another person's mail is gone")
	}
	s.stop()
	if out := s.postdesk("verify"); out != "ok\n" {
		t.Error(out)
	}
	err := filepath.WalkDir(filepath.Join(s.dir, "data", "journal"), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			raw, _ := os.ReadFile(path)
			if strings.Contains(string(raw), "le secret de Jean") {
				t.Errorf("%s still has the mail", path)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestExplainTellsTheWholeStory(t *testing.T) {
	s := newShell(t)
	s.serve()
	s.customer("jean@client.example", "relationclient@example.com", "why@client.example", "Pourquoi", "Bonjour\r\n")
	s.settle()
	text := s.postdesk("explain", "<why@client.example>")
	for _, want := range []string{"mail 1 of ticket 10000 (in)", "SPF", "pass client.example", "customer", "round-robin", "Acknowledgement", "sent", "new ticket 10000", "acknowledgement  jean@client.example", "delivered",
		"a mail of jean@client.example came over mx", "The address in From is backed: ", "It was taken as a customer's mail", "it is the turn of ", "So it became new ticket 10000.",
		"The acknowledgement went to jean@client.example, delivered at "} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
	type story struct {
		Ticket uint64
		Facts  struct{ Decision string }
		Outbox []struct {
			Purpose   string
			MessageID string `json:"message_id"`
		}
	}
	x := decode[story](s, s.postdesk("explain", "why@client.example", "--json"))
	if x.Ticket != 10000 || x.Facts.Decision != "new ticket 10000" || len(x.Outbox) < 2 {
		t.Fatalf("%+v", x)
	}
	if out := decode[story](s, s.postdesk("explain", x.Outbox[0].MessageID, "--json")); out.Ticket != 10000 || len(out.Outbox) != 1 {
		t.Errorf("a mail of ours: %+v", out)
	}
}

func TestReplayShowsOnlyWhatTheRulesChange(t *testing.T) {
	s := newShell(t)
	s.serve()
	s.customer("jean@client.example", "relationclient@example.com", "ph@client.example", "Commande PH", "Bonjour\r\n")
	s.customer("jean@client.example", "relationclient@example.com", "no@client.example", "Autre", "Bonjour encore\r\n")
	s.settle()
	before := s.postdesk("ticket", "list", "--json") + s.postdesk("ticket", "history", "10000", "--json")
	for _, how := range []string{"server", "no server"} {
		text := s.postdesk("replay", "--config", filepath.Join(s.dir, "new.toml"), "--since", "1d")
		for _, want := range []string{"ticket 10000", "- → pharmacie", "sent → switched-off", "- → high", "1 of 2 requests would be decided otherwise"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is missing in:\n%s", how, want, text)
			}
		}
		if text := s.postdesk("replay", "--config", s.file); !strings.HasPrefix(text, "0 of 2") {
			t.Errorf("%s: %s", how, text)
		}
		if how == "server" {
			s.stop()
		}
	}
	file, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	known := s.write("known.toml", strings.Replace(string(file), "[[team]]\n", "[[team]]\naccept = \"known\"\n", 1))
	if text := s.postdesk("replay", "--config", known); !strings.Contains(text, "- → Cette adresse") || !strings.Contains(text, "clients enregistrés") || !strings.Contains(text, "2 of 2") {
		t.Errorf("nobody is known yet:\n%s", text)
	}
	// The contact's own agent came later: the request went round-robin then.
	s.postdesk("contact", "set", "jean@client.example", "agent=anne")
	if text := s.postdesk("replay", "--config", filepath.Join(s.dir, "new.toml")); !strings.Contains(text, "round-robin → rule") {
		t.Errorf("what happened is not told:\n%s", text)
	}
	if text := s.postdesk("replay", "--config", s.file); !strings.HasPrefix(text, "0 of 2") {
		t.Error(text)
	}
	if after := s.postdesk("ticket", "list", "--json") + s.postdesk("ticket", "history", "10000", "--json"); after != before {
		t.Error("replay wrote something")
	}
	s.fails(2, "--config is missing", "replay")
}

func TestBackupWhileRunningAndRestore(t *testing.T) {
	s := newShell(t)
	s.serve()
	s.customer("jean@client.example", "relationclient@example.com", "keep@client.example", "Garder", "Bonjour\r\n")
	s.settle()
	s.postdesk("backup", filepath.Join(s.dir, "copy"))
	s.fails(1, "not empty", "backup", filepath.Join(s.dir, "copy"))
	s.fails(1, "a server is running", "restore", filepath.Join(s.dir, "copy"))
	s.fails(1, "a server is running", "verify", "--rebuild")
	if out := s.postdesk("verify"); out != "ok\n" {
		t.Error(out)
	}
	s.stop()
	s.postdesk("welcome", "bruno")
	s.postdesk("backup", filepath.Join(s.dir, "second"))
	s.fails(1, "not empty", "restore", filepath.Join(s.dir, "second"))
	if out := s.postdesk("verify", "--rebuild"); !strings.Contains(out, "made anew") {
		t.Error(out)
	}
	if err := os.RemoveAll(filepath.Join(s.dir, "data")); err != nil {
		t.Fatal(err)
	}
	if out := s.postdesk("restore", filepath.Join(s.dir, "second")); !strings.Contains(out, "1 mails of the outbox are held") {
		t.Error(out)
	}
	if out := s.postdesk("queue", "list", "--state", "held"); !strings.Contains(out, "restored") {
		t.Error(out)
	}
	if out := s.postdesk("ticket", "list"); !strings.Contains(out, "Garder") {
		t.Error(out)
	}
}

func TestReports(t *testing.T) {
	s := newShell(t)
	s.serve()
	s.customer("jean@client.example", "relationclient@example.com", "r@client.example", "=1+1", "Bonjour\r\n")
	s.settle()
	out := s.postdesk("report", "tickets", "--from", "2020-01-01")
	if lines := strings.Split(strings.TrimSpace(out), "\n"); len(lines) != 2 || !strings.HasPrefix(lines[0], "number,team,status") || !strings.Contains(lines[1], ",'=1+1,") {
		t.Error(out)
	}
	if out := s.postdesk("report", "tickets", "--to", "2020-01-01"); strings.Count(out, "\n") != 1 {
		t.Error(out)
	}
	if out := s.postdesk("report", "time"); out != "date,ticket,team,agent,minutes,text\n" {
		t.Error(out)
	}
	s.fails(2, "want a day", "report", "tickets", "--from", "yesterday")
}

func TestALockedDataDirectoryIsSaidInWords(t *testing.T) {
	s := newShell(t)
	s.serve()
	other := strings.Replace(mustRead(t, s.file), "run/admin.sock", "other.sock", 1)
	path := s.write("other.toml", other)
	s.fails(1, "a server is running but its admin socket", "ticket", "list", "--config", path)
	if fi, err := os.Stat(filepath.Join(s.dir, "run/admin.sock")); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", fi, err)
	}
}

func mustRead(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
