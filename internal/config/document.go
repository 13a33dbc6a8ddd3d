package config

import (
	"errors"
	"sort"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// value is one value of the file and the line where it begins.
type value struct {
	line  int
	kind  unstable.Kind // Array also for [[arrays of tables]], InlineTable for every table
	text  string        // of scalars: strings decoded, others as written
	list  []*value
	table *table
}

// table is one table of the file.
type table struct {
	*reader
	path    string // "team.field"; "" is the file itself
	line    int    // of its header
	entries map[string]*value
	asked   []string // the keys that may stand here
}

// document turns the syntax tree of the TOML library into tables that remember
// their lines.
type document struct {
	*reader
	parser unstable.Parser
	starts []int // offsets of the lines
}

// parseDocument reads TOML. The library's decoder is asked first, because only
// it knows the rules of redefinition; its syntax tree has the positions.
func parseDocument(r *reader, data []byte) (*table, bool) {
	data = []byte(strings.TrimPrefix(string(data), "\ufeff"))
	var all map[string]any
	if err := toml.Unmarshal(data, &all); err != nil {
		r.syntaxError(err)
		return nil, false
	}
	d := &document{reader: r, starts: lineStarts(data)}
	d.parser.Reset(data)
	root := d.newTable("", 1)
	current := root
	for d.parser.NextExpression() {
		node := d.parser.Expression()
		switch node.Kind {
		case unstable.Table, unstable.ArrayTable:
			current = d.header(root, node)
		case unstable.KeyValue:
			d.keyValue(current, node)
		}
	}
	if err := d.parser.Error(); err != nil {
		r.syntaxError(err)
		return nil, false
	}
	return root, true
}

func (r *reader) syntaxError(err error) {
	problem := Problem{File: r.name, Line: 1, Text: "not TOML: " + strings.TrimPrefix(err.Error(), "toml: ")}
	var where *toml.DecodeError
	if errors.As(err, &where) {
		problem.Line, _ = where.Position()
		problem.Key = strings.Join(where.Key(), ".")
	}
	problem.Text += `; want key = value, with text in quotes`
	r.problems = append(r.problems, problem)
}

func lineStarts(data []byte) []int {
	starts := []int{0}
	for i, c := range data {
		if c == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// line is the line of a node, or otherwise when the node has no position (the
// library gives none to arrays).
func (d *document) line(node *unstable.Node, otherwise int) int {
	if node.Raw.Length == 0 {
		return otherwise
	}
	offset := int(node.Raw.Offset)
	return sort.Search(len(d.starts), func(i int) bool { return d.starts[i] > offset })
}

func (d *document) newTable(path string, line int) *table {
	return &table{reader: d.reader, path: path, line: line, entries: map[string]*value{}}
}

// header finds or makes the table of "[a.b]" or "[[a.b]]".
func (d *document) header(root *table, node *unstable.Node) *table {
	t, line := root, 0
	for keys := node.Key(); keys.Next(); {
		key := keys.Node()
		line = d.line(key, line)
		last := keys.IsLast()
		t = d.step(t, string(key.Data), line, last && node.Kind == unstable.ArrayTable)
		if last {
			t.line = line
		}
	}
	return t
}

// step goes from t into the table at key, of an array into the last one. It
// makes what is not there; fresh always appends to an array.
func (d *document) step(t *table, key string, line int, fresh bool) *table {
	v := t.entries[key]
	if v == nil {
		v = &value{line: line, kind: unstable.InlineTable}
		if fresh {
			v.kind = unstable.Array
		} else {
			v.table = d.newTable(t.join(key), line)
		}
		t.entries[key] = v
	}
	if v.kind != unstable.Array {
		return v.tableOr(d.newTable(t.join(key), line))
	}
	if fresh || len(v.list) == 0 {
		v.list = append(v.list, &value{line: line, kind: unstable.InlineTable, table: d.newTable(t.join(key), line)})
	}
	return v.list[len(v.list)-1].tableOr(d.newTable(t.join(key), line))
}

func (v *value) tableOr(t *table) *table {
	if v.table != nil {
		return v.table
	}
	return t
}

// keyValue enters "a.b = value" into t.
func (d *document) keyValue(t *table, node *unstable.Node) {
	line := t.line
	for keys := node.Key(); keys.Next(); {
		key := keys.Node()
		line = d.line(key, line)
		if !keys.IsLast() {
			t = d.step(t, string(key.Data), line, false)
			continue
		}
		name := string(key.Data)
		t.entries[name] = d.value(node.Value(), t.join(name), line)
	}
}

func (d *document) value(node *unstable.Node, path string, line int) *value {
	v := &value{line: d.line(node, line), kind: node.Kind, text: string(node.Data)}
	switch node.Kind {
	case unstable.Array:
		for children := node.Children(); children.Next(); {
			if child := children.Node(); child.Kind != unstable.Comment {
				v.list = append(v.list, d.value(child, path, v.line))
			}
		}
	case unstable.InlineTable:
		v.table = d.newTable(path, v.line)
		for children := node.Children(); children.Next(); {
			if child := children.Node(); child.Kind == unstable.KeyValue {
				d.keyValue(v.table, child)
			}
		}
	}
	return v
}

// join is the path of a key of t.
func (t *table) join(key string) string {
	if t.path == "" {
		return key
	}
	return t.path + "." + key
}
