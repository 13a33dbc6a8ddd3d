package ticket

import "encoding/json"

// MaxRecord is up to where a ticket's record may grow by what people add to it: people, asides, tags, fields,
// the tickets that went into it; in bytes. A stored value has at most 64 KB. The quarter between is for the last
// thing that was added (a field has at most 2 KB, a participant 1 KB) and for what no mail must fail for: a resolution
// (at most 4 KB, 8 KB when all of it is quotes), subject and category (1 KB), who wrote and who observes (an agent's
// id each), the numbers that people and asides have elsewhere (3 KB), times and counters (1 KB).
const MaxRecord = 48 << 10

// maxResolution bounds the text behind #solved and the like, in bytes.
const maxResolution = 4 << 10

// Full says that nothing more may be added to the ticket. Mails still come and go.
func (t *Ticket) Full() bool {
	var n counter
	e := json.NewEncoder(&n)
	e.SetEscapeHTML(false) // as it is stored
	return e.Encode(t) != nil || n > MaxRecord
}

// counter counts what is written.
type counter int

func (n *counter) Write(b []byte) (int, error) {
	*n += counter(len(b))
	return len(b), nil
}
