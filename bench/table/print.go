package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// print writes the table of one comparison, as Markdown.
func (c *comparison) print(out io.Writer) error {
	ours := slices.DeleteFunc(slices.Clone(c.peers), func(p peer) bool { return !strings.HasPrefix(p.name, "postdesk") })
	head := []string{"", "mails/s, end to end", "least–most", "accepted/s", "p50 ms", "p99 ms", "CPU ms per mail", "memory MB", "syncs per mail", "250", "lost"}
	for _, o := range ours {
		head = append(head, o.name+" ×", "its CPU ×")
	}
	lines := [][]string{head}
	for i := range c.peers {
		lines = append(lines, c.peers[i].line(ours))
	}
	kind := map[string]string{"single": ", a connection for each mail"}[c.name]
	if _, err := fmt.Fprintf(out, "\n%s: %s bytes, %s at once%s; medians of %d\n\n", c.name, c.size, c.connections, kind, len(c.peers[0].rows)); err != nil {
		return err
	}
	return columns(out, lines)
}

// line is a peer's, with how many times its rate ours reaches and how many times its CPU ours needs.
func (p *peer) line(ours []peer) []string {
	l := []string{p.name, number(p.median("end_to_end_per_s")), p.spread("end_to_end_per_s"), number(p.median("accepted_per_s")), number(p.median("p50_ms")), number(p.median("p99_ms")),
		number(p.median("cpu_ms_per_mail")), number(p.median("pss_mb")), p.syncs, p.durable, fmt.Sprint(p.sum("refused", "missing"))}
	for i := range ours {
		l = append(l, ratio(&ours[i], p, "end_to_end_per_s"), ratio(&ours[i], p, "cpu_ms_per_mail"))
	}
	return l
}

func ratio(ours, theirs *peer, column string) string {
	if ours.name == theirs.name || theirs.median(column) == 0 {
		return ""
	}
	return number(ours.median(column) / theirs.median(column))
}

// columns writes a Markdown table whose columns are also lined up.
func columns(out io.Writer, lines [][]string) error {
	width := make([]int, len(lines[0]))
	for _, l := range lines {
		for i, f := range l {
			width[i] = max(width[i], len([]rune(f)))
		}
	}
	var b strings.Builder
	for n, l := range lines {
		for i, f := range l {
			fmt.Fprintf(&b, "| %s%s ", f, strings.Repeat(" ", width[i]-len([]rune(f))))
		}
		b.WriteString("|\n")
		if n == 0 {
			for _, w := range width {
				b.WriteString("|" + strings.Repeat("-", w+2))
			}
			b.WriteString("|\n")
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}
