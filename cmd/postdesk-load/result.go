package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"postdesk/internal/testkit/load"
)

// measured are the columns of a result after those of the label. bench/table
// reads them by these names.
func measured(r *load.Report) [][2]string {
	ok := r.Accepted()
	ms := func(p float64) string {
		return fmt.Sprintf("%.2f", float64(r.Percentile(p).Microseconds())/1000)
	}
	perSecond := func(seconds float64) string {
		if seconds <= 0 {
			return "0"
		}
		return fmt.Sprintf("%.2f", float64(ok)/seconds)
	}
	return [][2]string{
		{"mails", fmt.Sprint(len(r.Sent))},
		{"refused", fmt.Sprint(len(r.Sent) - ok)},
		{"missing", fmt.Sprint(r.Missing)},
		{"accepted_per_s", perSecond(r.Accepting.Seconds())},
		{"end_to_end_per_s", perSecond(r.Draining.Seconds())},
		{"p50_ms", ms(0.5)},
		{"p99_ms", ms(0.99)},
		{"cpu_ms_per_mail", fmt.Sprintf("%.3f", float64(r.CPU.Microseconds())/1000/float64(max(ok, 1)))},
		{"pss_mb", fmt.Sprintf("%.1f", float64(r.PeakPSS)/(1<<20))},
		{"anonymous_mb", fmt.Sprintf("%.1f", float64(r.PeakAnon)/(1<<20))},
	}
}

// addResult adds a line to a file of results, which begins with the names of the columns.
func addResult(name, label string, r *load.Report) (err error) {
	if name == "" {
		return nil
	}
	var columns [][2]string
	for _, pair := range strings.FieldsFunc(label, func(r rune) bool { return r == ',' }) {
		key, value, _ := strings.Cut(pair, "=")
		columns = append(columns, [2]string{key, value})
	}
	var names, values []string
	for _, c := range append(columns, measured(r)...) {
		names, values = append(names, c[0]), append(values, c[1])
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	text := strings.Join(values, "\t") + "\n"
	if end == 0 {
		text = strings.Join(names, "\t") + "\n" + text
	}
	_, err = io.WriteString(f, text)
	return err
}
