package message

import (
	"strings"
	"testing"
)

func TestTextsAreWrittenOneBelowTheOther(t *testing.T) {
	for _, c := range []struct {
		texts []string
		whole string
	}{
		{[]string{"a", "b"}, "a\nb"},
		{[]string{"a\n", "b\n"}, "a\nb\n"},
		{[]string{"a\n\n", "\nb"}, "a\n\n\nb"},
		{[]string{"", "b"}, "\nb"},
		{[]string{"", "", ""}, "\n\n"},
		{[]string{"a", ""}, "a\n"},
		{[]string{"é\r\nb\x00", "c"}, "é\nb\nc"},
		{[]string{"a\xff", strings.Repeat("b ", 600)}, "a\xff\n" + strings.Repeat("b ", 600)},
	} {
		got := build(t, NewBuilder(counter()), TextContent("text/plain", c.texts...))
		if want := build(t, NewBuilder(counter()), TextContent("text/plain", c.whole)); got != want {
			t.Errorf("%q: %q, want %q", c.texts, got, want)
		}
	}
}
