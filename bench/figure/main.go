// Command figure draws results as lines: one for each peer, a column of the results
// across, in equal steps of powers, another upwards. It writes SVG.
//
//	go run ./bench/figure -x size -y end_to_end_per_s -title "…" sizes.tsv >docs/throughput-size.svg
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

func main() {
	f := figure{}
	flag.StringVar(&f.title, "title", "", "stands above")
	flag.StringVar(&f.x, "x", "size", "column of the results")
	flag.StringVar(&f.y, "y", "end_to_end_per_s", "column of the results")
	flag.StringVar(&f.xName, "x-name", "bytes of a mail's text", "stands below")
	flag.StringVar(&f.yName, "y-name", "mails/s, end to end", "stands beside")
	flag.BoolVar(&f.binary, "binary", false, "1024 is 1 K")
	flag.Parse()
	err := errors.New("one file of results is needed")
	if flag.NArg() == 1 {
		if err = f.read(flag.Arg(0)); err == nil {
			_, err = os.Stdout.WriteString(f.draw())
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "figure:", err)
		os.Exit(1)
	}
}

// figure is what is drawn.
type figure struct {
	title, x, y, xName, yName string
	binary                    bool
	lines                     []line
}

// line is one peer's points, from left to right.
type line struct {
	name   string
	points []point
}

// point is all rounds of one x.
type point struct {
	x float64
	y []float64
}

// median, with the least and the most.
func (p *point) median() (low, middle, high float64) {
	y := slices.Sorted(slices.Values(p.y))
	return y[0], (y[(len(y)-1)/2] + y[len(y)/2]) / 2, y[len(y)-1]
}

// read takes a file of tab-separated values whose first line names the columns.
func (f *figure) read(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	var columns []string
	for l := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimRight(l, "\n"), "\t")
		if columns == nil {
			columns = fields
			continue
		}
		if err := f.add(columns, fields); err != nil {
			return fmt.Errorf("%s: %q: %w", name, l, err)
		}
	}
	if len(f.lines) == 0 {
		return fmt.Errorf("%s: no results", name)
	}
	return nil
}

func (f *figure) add(columns, fields []string) error {
	value := func(name string) string {
		if i := slices.Index(columns, name); i >= 0 && i < len(fields) {
			return fields[i]
		}
		return ""
	}
	x, xerr := strconv.ParseFloat(value(f.x), 64)
	y, yerr := strconv.ParseFloat(value(f.y), 64)
	if err := errors.Join(xerr, yerr); err != nil {
		return err
	}
	peer := value("peer")
	i := slices.IndexFunc(f.lines, func(l line) bool { return l.name == peer })
	if i < 0 {
		i, f.lines = len(f.lines), append(f.lines, line{name: peer})
	}
	l := &f.lines[i]
	k, found := slices.BinarySearchFunc(l.points, x, func(p point, x float64) int { return int(p.x - x) })
	if !found {
		l.points = slices.Insert(l.points, k, point{x: x})
	}
	l.points[k].y = append(l.points[k].y, y)
	return nil
}
