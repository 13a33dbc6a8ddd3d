package server_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"postdesk/admin"
	"postdesk/internal/addr"
	"postdesk/internal/config"
	"postdesk/internal/testkit"
	"postdesk/pipeline"
	"postdesk/server"
	"postdesk/store"
)

// series are the data directories of earlier versions, oldest first.
func series(t *testing.T) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join("testdata", "datadirs", "*.tar.gz"))
	if err != nil || len(list) == 0 {
		t.Fatalf("no data directories: %v", err)
	}
	return list
}

// Threat 32: what an earlier version wrote is read by this one, all of it. The summary beside the archives was
// made by the version that made them; a later one may say more, and nothing else.
func TestEveryDataDirectoryIsRead(t *testing.T) {
	t.Parallel()
	for _, archive := range series(t) {
		t.Run(filepath.Base(archive), func(t *testing.T) {
			t.Parallel()
			d := unpackDataDirectory(t, archive)
			number, _, _ := strings.Cut(archive, "-")
			text, err := os.ReadFile(number + ".json")
			if err != nil {
				t.Fatal(err)
			}
			var want, got any
			if err := errors.Join(json.Unmarshal(text, &want), json.Unmarshal(d.summary(t), &got)); err != nil {
				t.Fatal(err)
			}
			missing(t, "", want, got)
			if err := store.Verify(t.Context(), d.dir, func(fault string) { t.Error(fault) }); err != nil {
				t.Error(err)
			}
		})
	}
}

// missing says what of want is not in got.
func missing(t *testing.T, at string, want, got any) {
	t.Helper()
	switch want := want.(type) {
	case map[string]any:
		have, _ := got.(map[string]any)
		for _, k := range slices.Sorted(maps.Keys(want)) {
			missing(t, at+"/"+k, want[k], have[k])
		}
	case []any:
		have, _ := got.([]any)
		if len(have) != len(want) {
			t.Errorf("%s: %d entries, want %d", at, len(have), len(want))
			return
		}
		for i := range want {
			missing(t, fmt.Sprintf("%s/%d", at, i), want[i], have[i])
		}
	default:
		if want != got {
			t.Errorf("%s is %v, want %v", at, got, want)
		}
	}
}

// summary is what the command line says of a data directory that no server has open.
func (d *dataDirectory) summary(t *testing.T) []byte {
	t.Helper()
	desk, done := d.open(t)
	defer done()
	all := map[string]any{}
	tickets := answers(t, desk, "ticket/list", admin.ListTickets{})
	all["tickets"], all["queue"], all["contacts"] = tickets, answers(t, desk, "queue/list", admin.ListQueue{}), answers(t, desk, "contact/list", admin.ListContacts{})
	for _, one := range tickets {
		n := uint64(one.(map[string]any)["number"].(float64))
		page := answers(t, desk, "ticket/show", admin.TicketNumber{Number: n})
		all[fmt.Sprintf("show %d", n)] = page
		all[fmt.Sprintf("history %d", n)] = answers(t, desk, "ticket/history", admin.TicketNumber{Number: n})
		messages, _ := page[0].(map[string]any)["messages"].([]any)
		for _, m := range messages {
			seq := uint64(m.(map[string]any)["seq"].(float64))
			all[fmt.Sprintf("raw %d %d", n, seq)] = rawSum(t, desk, n, seq)
		}
	}
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

// answers are the results of an operation, without the sentences for people, whose
// words may change.
func answers(t *testing.T, desk *admin.Desk, operation string, request any) (list []any) {
	t.Helper()
	var out bytes.Buffer
	if err := desk.Run(t.Context(), operation, request, &out); err != nil {
		t.Fatalf("%s %v: %v", operation, request, err)
	}
	for dec := json.NewDecoder(&out); ; {
		var one map[string]any
		err := dec.Decode(&one)
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		delete(one, "sentence")
		list = append(list, one)
	}
}

// rawSum is the SHA-256 of a ticket's mail, or why there is none.
func rawSum(t *testing.T, desk *admin.Desk, number, seq uint64) string {
	var out bytes.Buffer
	if err := desk.Run(t.Context(), "ticket/raw", admin.RawMail{Number: number, Seq: seq}, &out); err != nil {
		return err.Error()
	}
	sum := sha256.Sum256(out.Bytes())
	return hex.EncodeToString(sum[:])
}

// open opens the data directory as the command line does, an hour after it was made.
func (d *dataDirectory) open(t *testing.T) (_ *admin.Desk, done func()) {
	t.Helper()
	nobody := testkit.NewSink(t, testkit.SinkOptions{})
	text := kept(nobody.Addr, nobody.Addr)((&desk{T: t, dir: filepath.Dir(d.dir), customers: nobody, agents: nobody}).config())
	cfg, err := config.Parse("config.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return d.made.Add(time.Hour) }
	db, err := store.Open(server.StoreOptions(cfg, slog.New(slog.DiscardHandler), now, nil))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := addr.LoadKeyRing(filepath.Join(d.dir, server.KeyFile))
	if err != nil {
		t.Fatal(err)
	}
	p, err := pipeline.New(context.Background(), pipeline.Options{Store: db, Keys: keys, Config: cfg, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	closed := func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	return &admin.Desk{Store: db, Pipeline: p, Config: func() *config.Config { return cfg }, Wake: func() {}, Now: now}, closed
}

// Conversations that began with an earlier version go on: what waited goes out, and
// each mail that people still have can be answered.
func TestConversationsOfEveryDataDirectoryGoOn(t *testing.T) {
	t.Parallel()
	for _, archive := range series(t) {
		t.Run(filepath.Base(archive), func(t *testing.T) {
			t.Parallel()
			old := unpackDataDirectory(t, archive)
			late := testkit.NewSink(t, testkit.SinkOptions{Hostname: "mx.later.example"})
			d := reopened(t, old, late)
			jean, anne, expert, boss := d.jean(), d.anne(), d.expert(), d.boss()
			d.drained()
			if got := late.Count(); got != 2 { // one that was put off, and one that was under way
				t.Errorf("%d mails that waited went out, want 2", got)
			}
			anne.drop()

			jean.answers(old.mails["jean-answer"], "SUITE-JEAN : il ne chauffe toujours pas.\n") // its token is of a key that was replaced
			if copy := anne.finds("SUITE-JEAN"); numberOf(copy) != "10000" {
				t.Errorf("the old ticket goes on as %q", copy.subject())
			}
			anne.answers(old.mails["anne-copy"], "SUITE-ANNE : nous passons demain.\n")
			d.says(jean.finds("SUITE-ANNE"), "Anne Durand")
			expert.answers(old.mails["expert-question"], "SUITE-EXPERT : j’ai vérifié.\n")
			anne.finds("SUITE-EXPERT")
			decided := strings.Count(d.decisions(10000), " yes")
			boss.answers(old.mails["boss-request"], "Oui.\n")
			d.drained()
			if got := strings.Count(d.decisions(10000), " yes"); got != decided+1 {
				t.Errorf("decisions: %s", d.decisions(10000))
			}
			paul := d.person("Paul Autre", "paul@client.example")
			paul.answers(old.mails["paul-answer"], "SUITE-PAUL : et ma facture ?\n")
			d.drained()
			before := d.tickets()
			jean.writes(generic, "Une autre", "Une demande nouvelle.\n")
			jean.finds("demande n°")
			if d.tickets() != before+1 {
				t.Error("a new request did not get a number of its own")
			}
		})
	}
}

// reopened is a desk on an old data directory, three hours after it was made: all
// that waited is due.
func reopened(t *testing.T, old *dataDirectory, late *testkit.Sink) *desk {
	t.Helper()
	return newDeskWith(t, kept(late.Addr, late.Addr), func(d *desk) {
		d.skew.Store(int64(time.Until(old.made.Add(3 * time.Hour))))
		if err := os.Rename(old.dir, filepath.Join(d.dir, "data")); err != nil {
			t.Fatal(err)
		}
	})
}
