package bounce

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"postdesk/internal/message"
)

// The labelled reports of about eighty mail servers: hard or soft must agree.
func TestLabelledReports(t *testing.T) {
	dir := os.Getenv("POSTDESK_CORPORA")
	if dir == "" {
		t.Skip("POSTDESK_CORPORA is not set")
	}
	dir = filepath.Join(dir, "sisimai-bounces")
	raw, err := os.ReadFile(filepath.Join(dir, "expected.dev.json"))
	if err != nil {
		t.Skip(err)
	}
	var labels map[string][]struct {
		HardBounce    bool
		Reason        string
		Reply, Status string
	}
	if err := json.Unmarshal(raw, &labels); err != nil {
		t.Fatal(err)
	}
	all, agree := 0, 0
	for name, want := range labels {
		for _, folder := range []string{"bsd", "dos", "mac"} {
			raw, err := os.ReadFile(filepath.Join(dir, folder, name))
			if err != nil {
				continue
			}
			m, err := message.Parse(message.BytesSource(raw))
			if err != nil {
				t.Fatal(err)
			}
			got := Read(m)
			for i, w := range want {
				all++
				v := Verdict{}
				if len(got) > 0 {
					v = got[min(i, len(got)-1)]
				}
				if (v.Outcome == Hard) == w.HardBounce {
					agree++
				} else {
					t.Logf("%s/%s: %s %s %q, want hard=%t (%s %s %s)", folder, name, v.Outcome, v.Status, v.Words, w.HardBounce, w.Reason, w.Status, w.Reply)
				}
			}
			break
		}
	}
	t.Logf("%d of %d agree", agree, all)
	if agree*100 < all*95 {
		t.Errorf("%d of %d agree, want 95 of 100", agree, all)
	}
}
