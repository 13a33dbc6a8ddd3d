package pipeline

import (
	"postdesk/internal/addr"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// capLetters is the scope of the letters' windows.
const capLetters = "letters"

// underCap leaves out of the readers of a letter that no person wrote those who
// have had as many as acknowledge.per_address allows acknowledgements, and counts
// it for the others: whatever is forged, nobody gets more than a few an hour. A
// letter without its first reader, the requester, has none. With the breaker open
// nobody gets any, and a dead address never does.
func (p *Pipeline) underCap(tx store.Tx, w *world, to []*ticket.Participant) ([]*ticket.Participant, error) {
	if open, err := breakerOpen(tx); err != nil || open {
		return nil, err
	}
	to, err := living(tx, to)
	if err != nil || len(to) == 0 {
		return nil, err
	}
	limits := w.cfg.Acknowledge
	if limits.PerAddress.N+limits.PerAddressDay.N == 0 {
		return to, nil
	}
	at := p.steady.now()
	var left []*ticket.Participant
	for i, who := range to {
		name := answerTo(who).Address.Key()
		var had rules.Window
		if _, err := store.Window(tx, capLetters, name, &had); err != nil {
			return nil, err
		}
		if had.Full(at, limits.PerAddress) || had.Full(at, limits.PerAddressDay) {
			if i == 0 {
				return nil, nil
			}
			continue
		}
		had.Add(at)
		if err := store.SetWindow(tx, capLetters, name, &had, at.Add(capMemory)); err != nil {
			return nil, err
		}
		left = append(left, who)
	}
	return left, nil
}

// whence is the requester as an acknowledgement reaches it: a Reply-To is
// anybody's word, and must not make us write to a third person by ourselves.
func whence(who *ticket.Participant) *ticket.Participant {
	plain := *who
	plain.ReplyTo = addr.Address{}
	return &plain
}
