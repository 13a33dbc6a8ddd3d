package ticket_test

import (
	"strings"
	"testing"
	"time"

	"postdesk/internal/testkit"
	"postdesk/internal/ticket"
)

// A text of lines that look like commands and are none was compared with every form
// of every command, letter by letter: 1.8 s for a MB.
func TestLinesThatAreNearlyCommandsAreCheap(t *testing.T) {
	text := strings.Repeat("#nosuchthing a b\n", 1<<18/17)
	const most = 150 * time.Millisecond * testkit.RaceFactor
	least := time.Hour
	for range 5 { // the collector's work for another may fall into one
		began := testkit.CPU()
		if list := ticket.Strays(text); len(list) > 0 {
			t.Fatal(list[0])
		}
		if least = min(least, testkit.CPU()-began); least < most {
			return
		}
	}
	t.Errorf("%v for %d KB, at most %v", least, len(text)>>10, most)
}
