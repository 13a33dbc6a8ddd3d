package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func drawn(t *testing.T, results string) (*figure, string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "results.tsv")
	if err := os.WriteFile(name, []byte(results), 0o600); err != nil {
		t.Fatal(err)
	}
	f := &figure{title: "a < b", x: "size", y: "rate", binary: true}
	if err := f.read(name); err != nil {
		t.Fatal(err)
	}
	return f, f.draw()
}

func TestFigure(t *testing.T) {
	f, svg := drawn(t, "peer\tsize\trate\none\t4096\t100\none\t1024\t300\none\t1024\t500\none\t1024\t400\ntwo\t4096\t100\n")
	for dec := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if low, middle, high := f.lines[0].points[0].median(); low != 300 || middle != 400 || high != 500 {
		t.Errorf("%v %v %v", low, middle, high)
	}
	for _, want := range []string{`points="70.0,108.0 560.0,282.0"`, ">4 K<", ">one<", ">two<", "a &lt; b"} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %s in\n%s", want, svg)
		}
	}
}

func TestFigureOfOnePoint(t *testing.T) {
	if _, svg := drawn(t, "peer\tsize\trate\none\t4096\t100\n"); strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") || strings.Contains(svg, "%!") {
		t.Error(svg)
	}
}
