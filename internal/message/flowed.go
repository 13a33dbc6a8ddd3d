package message

import "strings"

// unflow joins the lines of format=flowed text, RFC 3676 §4: a line that ends
// with a space goes on in the next one of the same quote depth.
func unflow(text string, delsp bool) string {
	var b strings.Builder
	b.Grow(len(text))
	depth, flows, first := 0, false, true // of the line before
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		n := len(line) - len(strings.TrimLeft(line, ">"))
		body := strings.TrimPrefix(line[n:], " ") // space-stuffed, §4.4
		signature := body == "-- "                // §4.3
		if !flows || n != depth || signature {
			if !first {
				b.WriteByte('\n')
			}
			if n > 0 {
				b.WriteString(line[:n] + " ")
			}
		}
		depth, first = n, false
		flows = strings.HasSuffix(body, " ") && !signature && strings.TrimSpace(body) != ""
		if flows && delsp {
			body = body[:len(body)-1]
		}
		b.WriteString(body)
	}
	if strings.HasSuffix(text, "\n") {
		b.WriteByte('\n')
	}
	return b.String()
}
