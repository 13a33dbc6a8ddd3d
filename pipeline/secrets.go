package pipeline

import (
	"strings"

	"postdesk/internal/compose"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// secretTexts are the longer lines of the ticket's latest notes and asides: none
// of them may be in what a customer gets, nor those of other asides in what an
// expert gets.
func (out *outbound) secretTexts(aside uint64) ([]string, error) {
	var list []string
	for _, number := range kin(out.t) {
		err := store.LatestMessages(out.tx, number, maxLookBack, func(m ticket.Message) error {
			if aside == 0 || m.Aside != aside || number != out.t.Number {
				list = append(list, secretLines(&m)...)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// secretLines are the longer lines of a note or an aside. What everybody writes at the end of
// a mail to an expert is no secret.
func secretLines(m *ticket.Message) []string {
	var list []string
	for _, line := range strings.Split(m.Excerpt, "\n") {
		if line = strings.TrimSpace(line); len(line) >= minSecret && (m.Aside == 0 || !compose.Courtesy(line)) {
			list = append(list, line)
		}
	}
	return list
}
