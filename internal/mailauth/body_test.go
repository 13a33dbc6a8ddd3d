package mailauth

import (
	"strings"
	"testing"

	"postdesk/internal/message"
)

// A mail with a run of line ends that is one byte too long is not verified,
// wherever the run stands; one that is as long as it may be is.
func TestLongRunsOfLineEndsAreFoundWhereverTheyStand(t *testing.T) {
	for _, before := range []int{0, 1, 4095, 4096, 4097, 9000, 70000} {
		for _, long := range []bool{false, true} {
			run := strings.Repeat("\r\n", maxBlank/2)
			if long {
				run += "\n"
			}
			mail := strings.Repeat("x", before) + run + "end\r\n"
			b := scanBody(t.Context(), message.BytesSource([]byte(mail)), 0)
			if b.blank != long || b.cut || b.end != int64(len(mail)) {
				t.Errorf("%d bytes before a run that is too long: %v: %+v", before, long, b)
			}
		}
	}
}
