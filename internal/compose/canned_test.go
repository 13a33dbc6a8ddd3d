package compose

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"postdesk/internal/config"
)

func cannedComposer(t *testing.T, files fstest.MapFS) (*Composer, *config.Team, error) {
	t.Helper()
	team := testTeam("fr")
	team.Templates = "/x"
	c, err := New(Options{Teams: []config.Team{*team}, Folder: opener(files)})
	return c, team, err
}

func file(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }

func TestCannedAnswersOfALanguage(t *testing.T) {
	c, team, err := cannedComposer(t, fstest.MapFS{
		"canned/Reçu.txt":              file("Bonjour {{.Customer.Name}}, version {{.Ticket.Field \"version\"}}."),
		"canned/garantie.txt":          file("Sous garantie."),
		"canned/garantie/garantie.pdf": file("%PDF"),
		"canned/garantie/.DS_Store":    file("x"),
		"en/canned/garantie.txt":       file("Under warranty."),
		"en/canned/only-english.txt":   file("Hello."),
	})
	if err != nil {
		t.Fatal(err)
	}
	data := CannedData{Customer: CustomerData{Name: "Jean\r\nBcc: x"}, Ticket: Ticket{Fields: []TicketField{{"Version", "2.1"}}}}
	for _, tc := range []struct{ lang, name, text, file string }{
		{"", "recu", "Bonjour Jean Bcc: x, version 2.1.", ""},
		{"fr", " GARANTIE ", "Sous garantie.", "garantie.pdf"},
		{"en", "garantie", "Under warranty.", "garantie.pdf"},
		{"en", "Reçu", "Bonjour Jean Bcc: x, version 2.1.", ""},
		{"en-GB", "only english", "Hello.", ""},
	} {
		got, err := c.Canned(team, tc.lang, tc.name, data)
		var names []string
		for _, f := range got.Files {
			names = append(names, f.Name)
		}
		if err != nil || got.Text != tc.text || strings.Join(names, " ") != tc.file {
			t.Errorf("%s in %q: %q with %v, %v", tc.name, tc.lang, got.Text, names, err)
		}
	}
	_, err = c.Canned(team, "fr", "garanti", data)
	var unknown *UnknownCanned
	if !errors.As(err, &unknown) || !slices.Equal(unknown.Known, []string{"Reçu", "garantie"}) || !slices.Equal(unknown.Closest(), []string{"garantie"}) {
		t.Errorf("unknown: %v", err)
	}
	if list := c.CannedNames(team, "en", data); len(list) != 3 || list[1].Name != "garantie" || list[1].Text != "Under warranty." {
		t.Errorf("names: %+v", list)
	}
}

func TestCannedFilesAreCheckedWhenRead(t *testing.T) {
	many := fstest.MapFS{"canned/a.txt": file("x")}
	for i := range MaxCannedFiles + 1 {
		many["canned/a/"+strconv.Itoa(i)+".pdf"] = file("x")
	}
	for want, files := range map[string]fstest.MapFS{
		"want alone.txt beside it": {"canned/alone/x.pdf": file("x")},
		"more than 10 files":       many,
		"more than 10 MB":          {"canned/a.txt": file("x"), "canned/a/big.pdf": {Data: bytes.Repeat([]byte{1}, MaxCannedSize+1)}},
		"want a file":              {"canned/a.txt": file("x"), "canned/a/b/c.pdf": file("x")},
		"no other answer bears":    {"canned/recu.txt": file("x"), "canned/Reçu.txt": file("x")},
		"Secret":                   {"canned/a.txt": file("{{.Secret}}")},
	} {
		if _, _, err := cannedComposer(t, files); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestALanguageOfATeamsOwn(t *testing.T) {
	c, team, err := cannedComposer(t, fstest.MapFS{"de/holding.txt": file("Bitte warten Sie.\n")})
	if err != nil {
		t.Fatal(err)
	}
	for lang, want := range map[string]bool{"de": true, "de-AT": true, "fr": true, "FR": true, "it": false, "": false} {
		if c.Speaks(team, lang) != want {
			t.Errorf("speaks %q: %v", lang, !want)
		}
	}
	if body, err := c.set(team, "de-AT").body("holding", letterView{}); err != nil || string(body) != "Bitte warten Sie." {
		t.Errorf("%q, %v", body, err)
	}
	if c.set(team, "FR-CA").lang != "fr" {
		t.Error("French of Canada is not French")
	}
}
