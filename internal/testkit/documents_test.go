package testkit_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	testFunc  = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)[A-Z0-9]\w*)\(`)
	testNamed = regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z0-9]\\w*)`")
	threatRow = regexp.MustCompile(`(?m)^\| (\d+) \|.*$`)
)

// A promise whose test is gone is a wish: each test that a document names is
// in the tree, under whatever build tag.
func TestDocumentsNameTestsThatExist(t *testing.T) {
	known := testsOfTheTree(t)
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d documents, %v", len(files), err)
	}
	for _, f := range files {
		for _, name := range testNamed.FindAllStringSubmatch(readText(t, f), -1) {
			if !known[name[1]] {
				t.Errorf("docs/%s names %s, which is nowhere", filepath.Base(f), name[1])
			}
		}
	}
}

// Each threat of docs/threats.md has a test with a name.
func TestEveryThreatHasATest(t *testing.T) {
	rows := threatRow.FindAllStringSubmatch(readText(t, "../../docs/threats.md"), -1)
	seen := map[string]bool{}
	for _, row := range rows {
		seen[row[1]] = testNamed.MatchString(row[0])
	}
	for n := 1; n <= 40; n++ {
		if !seen[fmt.Sprint(n)] {
			t.Errorf("threat %d has no test", n)
		}
	}
}

func testsOfTheTree(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		for _, name := range testFunc.FindAllStringSubmatch(readText(t, path), -1) {
			known[name[1]] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return known
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
