package pipeline

import (
	"errors"
	"slices"
	"strings"

	"postdesk/internal/compose"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// secretTexts are the longer lines of the latest notes and asides of the ticket, and of those of which
// a copy is attached: none of them may be in what a customer gets, nor those of other asides in what an
// expert gets.
func (out *outbound) secretTexts(aside uint64) ([]string, error) {
	numbers, err := out.sources()
	if err != nil {
		return nil, err
	}
	var list []string
	for _, number := range numbers {
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

// sources are the tickets whose notes this mail may bear.
func (out *outbound) sources() ([]uint64, error) {
	numbers := kin(out.t)
	for _, m := range attachedMails(out.mail) {
		number := out.attachedCopy(m)
		if number == 0 {
			continue
		}
		t, err := store.LiveTicket(out.tx, number)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, kin(t)...)
	}
	slices.Sort(numbers)
	return slices.Compact(numbers), nil
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
