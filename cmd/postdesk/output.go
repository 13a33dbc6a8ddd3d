package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"postdesk/admin"
)

// printable takes out what a terminal would obey: strangers chose subjects,
// names and server answers. Line ends and tabs stay.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, s)
}

// table is text in aligned columns.
type table struct{ w *tabwriter.Writer }

func newTable(w io.Writer) *table { return &table{tabwriter.NewWriter(w, 2, 0, 2, ' ', 0)} }

func (t *table) row(cells ...any) {
	for i, cell := range cells {
		if i > 0 {
			fmt.Fprint(t.w, "\t")
		}
		fmt.Fprint(t.w, strings.NewReplacer("\n", " ", "\t", " ").Replace(printable(fmt.Sprint(cell))))
	}
	fmt.Fprintln(t.w)
}

// field is a row of name and value, left out when the value is empty.
func (t *table) field(name string, value any) {
	if s := fmt.Sprint(value); s != "" && s != "0" && s != "[]" && s != "map[]" {
		t.row(name, s)
	}
}

func (t *table) flush() error { return t.w.Flush() }

// when is a time for people, in the machine's zone.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04")
}

// cut bounds a cell.
func cut(s string, max int) string {
	r := []rune(s)
	if len(r) <= max {
		return s
	}
	return string(r[:max-1]) + "…"
}

// object writes one JSON value.
func (c *call) object(v any) error {
	enc := json.NewEncoder(c.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// array writes a list as one JSON array while it comes.
type array struct {
	w *bufio.Writer
	n int
}

func (a *array) add(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if a.n++; a.n > 1 {
		a.w.WriteString(",")
	}
	a.w.WriteString("\n  ")
	_, err = a.w.Write(raw)
	return err
}

// show writes the result of a list operation: an array, or a table with this head.
func show[R any](c *call, r admin.Runner, operation string, request any, head []any, row func(R) []any) error {
	if c.json {
		a := &array{w: bufio.NewWriter(c.out)}
		a.w.WriteString("[")
		if err := admin.List(c.ctx, r, operation, request, func(one R) error { return a.add(one) }); err != nil {
			return err
		}
		if a.n > 0 {
			a.w.WriteString("\n")
		}
		a.w.WriteString("]\n")
		return a.w.Flush()
	}
	t := newTable(c.out)
	n := 0
	err := admin.List(c.ctx, r, operation, request, func(one R) error {
		if n++; n == 1 {
			t.row(head...)
		}
		t.row(row(one)...)
		return nil
	})
	if err != nil {
		return err
	}
	return t.flush()
}
