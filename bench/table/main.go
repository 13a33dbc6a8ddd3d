// Command table prints the medians of a comparison: one table for each case, with
// the ratios of postdesk to each peer.
//
//	go run ./bench/table results.tsv
//
// Beside the results may lie results.tsv.syncs: a peer and its syncs per mail, a line each.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: table results.tsv")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
		os.Exit(1)
	}
}

func run(name string, out io.Writer) error {
	rows, err := read(name)
	if err != nil {
		return err
	}
	syncs, err := readSyncs(name + ".syncs")
	if err != nil {
		return err
	}
	for _, c := range group(rows) {
		for i := range c.peers {
			c.peers[i].syncs = syncs[c.peers[i].name]
		}
		if err := c.print(out); err != nil {
			return err
		}
	}
	return nil
}

// row is one line of the results: column → value.
type row map[string]string

func read(name string) (rows []row, err error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var names []string
	for l := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimRight(l, "\n"), "\t")
		if names == nil {
			names = fields
			continue
		}
		if len(fields) != len(names) {
			return nil, fmt.Errorf("%s: %d columns, want %d: %q", name, len(fields), len(names), l)
		}
		r := row{}
		for i, f := range fields {
			r[names[i]] = f
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// readSyncs reads what was counted; there need not be anything.
func readSyncs(name string) (map[string]string, error) {
	syncs := map[string]string{}
	f, err := os.Open(name)
	if os.IsNotExist(err) {
		return syncs, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		peer, n, _ := strings.Cut(lines.Text(), "\t")
		syncs[peer] = n
	}
	return syncs, lines.Err()
}

// comparison is a case and a size, and the peers that took part.
type comparison struct {
	name, size, connections string
	peers                   []peer
}

// peer is all rounds of one peer.
type peer struct {
	name, durable, syncs string
	rows                 []row
}

// group keeps the order of the results.
func group(rows []row) (list []*comparison) {
	for _, r := range rows {
		i := slices.IndexFunc(list, func(c *comparison) bool { return c.name == r["case"] && c.size == r["size"] })
		if i < 0 {
			i, list = len(list), append(list, &comparison{name: r["case"], size: r["size"], connections: r["connections"]})
		}
		list[i].add(r)
	}
	return list
}

func (c *comparison) add(r row) {
	i := slices.IndexFunc(c.peers, func(p peer) bool { return p.name == r["peer"] })
	if i < 0 {
		i, c.peers = len(c.peers), append(c.peers, peer{name: r["peer"], durable: r["durable"]})
	}
	c.peers[i].rows = append(c.peers[i].rows, r)
}

// median of a column; 0 when it has no numbers.
func (p *peer) median(column string) float64 {
	var all []float64
	for _, r := range p.rows {
		if n, err := strconv.ParseFloat(r[column], 64); err == nil {
			all = append(all, n)
		}
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	middle := len(all) / 2
	if len(all)%2 == 0 {
		return (all[middle-1] + all[middle]) / 2
	}
	return all[middle]
}

// sum of some columns over all rounds.
func (p *peer) sum(columns ...string) (n int) {
	for _, r := range p.rows {
		for _, c := range columns {
			one, _ := strconv.Atoi(r[c])
			n += one
		}
	}
	return n
}

// spread is the least and the most of a column.
func (p *peer) spread(column string) string {
	var all []float64
	for _, r := range p.rows {
		n, _ := strconv.ParseFloat(r[column], 64)
		all = append(all, n)
	}
	return number(slices.Min(all)) + "–" + number(slices.Max(all))
}

// number has three digits that mean something.
func number(n float64) string {
	switch {
	case n >= 100:
		return fmt.Sprintf("%.0f", n)
	case n >= 10:
		return fmt.Sprintf("%.1f", n)
	}
	return fmt.Sprintf("%.2f", n)
}
