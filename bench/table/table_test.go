package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const results = `peer	case	size	connections	durable	refused	missing	accepted_per_s	end_to_end_per_s	p50_ms	p99_ms	cpu_ms_per_mail	pss_mb
postfix	kept	4096	10	synced	0	0	100	100	50	90	8	120
postfix	kept	4096	10	synced	0	1	300	300	50	80	8	120
postfix	kept	4096	10	synced	1	0	200	200	50	100	8	130
postdesk-rsa	kept	4096	10	synced	0	0	500	500	20	40	4	100
postfix	large	102400	10	synced	0	0	100	90	50	90	8	120
`

// Ratios are of medians, what was lost is the sum, and each case has its own table.
func TestTable(t *testing.T) {
	name := filepath.Join(t.TempDir(), "results.tsv")
	if err := os.WriteFile(name, []byte(results), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name+".syncs", []byte("postfix\t1.00\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := run(name, &out); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for l := range strings.Lines(out.String()) {
		lines = append(lines, strings.Join(strings.Fields(l), " "))
	}
	for _, want := range []string{
		"| postfix | 200 | 100–300 | 200 | 50.0 | 90.0 | 8.00 | 120 | 1.00 | synced | 2 | 2.50 | 0.50 |",
		"| postdesk-rsa | 500 | 500–500 | 500 | 20.0 | 40.0 | 4.00 | 100 | | synced | 0 | | |",
		"large: 102400 bytes, 10 at once; medians of 1",
	} {
		if !strings.Contains(strings.Join(lines, "\n"), want) {
			t.Errorf("no line %q in\n%s", want, out.String())
		}
	}
}

func TestResultsThatAreCutShort(t *testing.T) {
	name := filepath.Join(t.TempDir(), "results.tsv")
	if err := os.WriteFile(name, []byte("peer\tcase\npostfix\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(name, &strings.Builder{}); err == nil {
		t.Error("half a line was read")
	}
}
