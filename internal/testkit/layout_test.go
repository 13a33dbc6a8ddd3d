package testkit_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// may says which packages of postdesk a package may import, tests apart. What
// is not listed below internal may import internal packages only.
var may = map[string][]string{
	"smtpd":           {"internal/"},
	"rules":           {"internal/"},
	"store":           {"internal/", "store/journal"},
	"store/journal":   {"internal/disk"},
	"store/storetest": {"internal/", "store"},
	"relay":           {"internal/", "store"},
	"pipeline":        {"internal/", "rules", "smtpd", "store"},
	"admin":           {"internal/", "pipeline", "rules", "store"},
	"server":          {"internal/", "admin", "pipeline", "relay", "rules", "smtpd", "store"},
	"demo":            {"internal/", "server", "smtpd", "store"},
}

// homes says where a library lives: nothing else imports it.
var homes = map[string][]string{
	"github.com/emersion/go-smtp":         {"smtpd", "relay"},
	"github.com/emersion/go-sasl":         {"smtpd", "relay"},
	"github.com/dgraph-io/badger/v4":      {"store"},
	"github.com/emersion/go-msgauth":      {"internal/mailauth", "relay"},
	"github.com/emersion/go-message":      {"internal/message"},
	"github.com/emersion/go-ical":         {"internal/compose"},
	"github.com/emersion/go-milter":       {"internal/milter"},
	"github.com/pelletier/go-toml/v2":     {"internal/config"},
	"github.com/prometheus/client_golang": {"internal/metrics"},
	"blitiri.com.ar/go/spf":               {"internal/mailauth"},
	"github.com/miekg/dns":                {"internal/testkit", "internal/testkit/load"},
}

// pure packages do no I/O: they import none of these.
var pure = map[string]bool{"rules": true, "internal/ticket": true}

func TestPackagesKeepTheirBorders(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}}{{range .Imports}} {{.}}{{end}}", "postdesk/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		words := strings.Fields(line)
		name := strings.TrimPrefix(words[0], "postdesk/")
		for _, imported := range words[1:] {
			checkImport(t, name, imported)
		}
	}
}

func checkImport(t *testing.T, name, imported string) {
	for library, at := range homes {
		if (imported == library || strings.HasPrefix(imported, library+"/")) && !slices.Contains(at, name) {
			t.Errorf("%s imports %s, whose home is %v", name, imported, at)
		}
	}
	if pure[name] && slices.Contains([]string{"os", "net", "net/http", "database/sql", "log", "log/slog", "io/fs", "time/tzdata"}, imported) {
		t.Errorf("%s must be pure and imports %s", name, imported)
	}
	inner, ours := strings.CutPrefix(imported, "postdesk/")
	if !ours || strings.HasPrefix(name, "cmd/") {
		return
	}
	if inner == "internal/testkit" && !strings.HasPrefix(name, "internal/testkit/") {
		t.Errorf("%s imports testkit, which is for tests", name)
	}
	if inner == "internal/config" && name == "smtpd" {
		t.Error("smtpd knows its policy, not the configuration")
	}
	allowed := may[name]
	if strings.HasPrefix(name, "internal/") {
		allowed = []string{"internal/"}
		if strings.HasPrefix(name, "internal/testkit/") {
			allowed = append(allowed, "store")
		}
	}
	if !slices.ContainsFunc(allowed, func(a string) bool { return inner == a || strings.HasSuffix(a, "/") && strings.HasPrefix(inner, a) }) {
		t.Errorf("%s imports %s, and may import %v", name, inner, allowed)
	}
}

// A newcomer finds in docs/flow.md what each file of pipeline is for.
func TestTheMapNamesEveryFileOfPipeline(t *testing.T) {
	text, err := os.ReadFile("../../docs/flow.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../pipeline/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		name := filepath.Base(f)
		if !strings.HasSuffix(name, "_test.go") && !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("docs/flow.md does not name pipeline/%s", name)
		}
	}
}
