package main

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// Places of the drawing, in pixels.
const (
	width, height = 720, 400
	left, right   = 70, 560 // names of the lines stand to the right
	top, bottom   = 50, 340
)

// colours can be told apart by everyone (Okabe and Ito).
var colours = [...]string{"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"}

// scale turns values into places.
type scale struct {
	lowX, highX, highY float64
}

func (s scale) x(v float64) float64 {
	return left + (right-left)*math.Log(v/s.lowX)/math.Log(s.highX/s.lowX)
}

func (s scale) y(v float64) float64 { return bottom - (bottom-top)*v/s.highY }

func (f *figure) draw() string {
	s, marks := f.scale()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13" fill="#222">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	text(&b, left, 26, "start", f.title, `font-size="16" font-weight="bold"`)
	text(&b, (left+right)/2, height-16, "middle", f.xName, "")
	text(&b, 18, (top+bottom)/2, "middle", f.yName, fmt.Sprintf(`transform="rotate(-90 18 %d)"`, (top+bottom)/2))
	step := stepOf(s.highY)
	for v := 0.0; v <= s.highY; v += step {
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1[3]f" stroke="#ddd"/>`+"\n", left, right, s.y(v))
		text(&b, left-8, s.y(v)+4, "end", fmt.Sprintf("%g", v), "")
	}
	for _, x := range marks {
		fmt.Fprintf(&b, `<line x1="%.1f" x2="%.1[1]f" y1="%d" y2="%d" stroke="#222"/>`+"\n", s.x(x), bottom, bottom+5)
		text(&b, s.x(x), bottom+20, "middle", f.short(x), "")
	}
	for i := range f.lines {
		f.lines[i].draw(&b, s, colours[i%len(colours)])
	}
	f.names(&b, s)
	b.WriteString("</svg>\n")
	return b.String()
}

// scale also gives the values that are marked across.
func (f *figure) scale() (s scale, marks []float64) {
	s.lowX = math.Inf(1)
	for _, l := range f.lines {
		for _, p := range l.points {
			_, _, most := p.median()
			s.lowX, s.highX, s.highY = min(s.lowX, p.x), max(s.highX, p.x), max(s.highY, most)
			if !slices.Contains(marks, p.x) {
				marks = append(marks, p.x)
			}
		}
	}
	if s.highX == s.lowX {
		s.highX = s.lowX * 10
	}
	step := stepOf(s.highY)
	s.highY = step * math.Ceil(s.highY/step)
	return s, marks
}

// stepOf is 1, 2 or 5 times a power of ten, so that there are four to eight lines.
func stepOf(high float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(high)))
	for _, n := range []float64{0.1, 0.2, 0.5, 1, 2} {
		if high/(n*power) <= 8 {
			return n * power
		}
	}
	return power
}

// short is 4 K for 4096 or 4000.
func (f *figure) short(v float64) string {
	k := 1000.0
	if f.binary {
		k = 1024
	}
	switch {
	case v >= k*k:
		return fmt.Sprintf("%.4g M", v/k/k)
	case v >= k:
		return fmt.Sprintf("%.4g K", v/k)
	}
	return fmt.Sprintf("%g", v)
}

// draw writes the line through the medians, and at each the least and the most.
func (l *line) draw(b *strings.Builder, s scale, colour string) {
	var path []string
	for i := range l.points {
		low, middle, high := l.points[i].median()
		x := s.x(l.points[i].x)
		path = append(path, fmt.Sprintf("%.1f,%.1f", x, s.y(middle)))
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="4" fill="%s"/>`+"\n", x, s.y(middle), colour)
		if high > low {
			fmt.Fprintf(b, `<line x1="%.1f" x2="%.1[1]f" y1="%.1f" y2="%.1f" stroke="%s"/>`+"\n", x, s.y(low), s.y(high), colour)
		}
	}
	fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(path, " "), colour)
}

// names writes each line's name at its end, apart from each other.
func (f *figure) names(b *strings.Builder, s scale) {
	type label struct {
		at     float64
		name   string
		colour string
	}
	var all []label
	for i, l := range f.lines {
		_, last, _ := l.points[len(l.points)-1].median()
		all = append(all, label{s.y(last) + 4, l.name, colours[i%len(colours)]})
	}
	slices.SortFunc(all, func(a, b label) int { return int(b.at - a.at) }) // from below
	floor := float64(bottom + 20)
	for _, l := range all {
		floor = min(l.at, floor-16)
		text(b, right+10, floor, "start", l.name, `fill="`+l.colour+`"`)
	}
}

func text(b *strings.Builder, x, y float64, anchor, words, more string) {
	if more != "" {
		more = " " + more
	}
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>`+"\n", x, y, anchor, more, html.EscapeString(words))
}
