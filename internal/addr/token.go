package addr

// Kind says what a token is for: where it stands and what it permits. A token
// of one kind is never accepted as another.
type Kind byte

// The kinds of token. The numbers are part of what is in people's mailboxes:
// never reuse one.
const (
	KindDesk        Kind = 1 // an agent's permanent desk address; Person is the agent
	KindTicket      Kind = 2 // reply address of an agent's copy of a ticket; Person is the agent
	KindNote        Kind = 3 // as KindTicket, on the copy of a note: a reply is a note
	KindHold        Kind = 4 // reply address of a notice about a held mail; Item is the held mail, Person the agent
	KindBounce      Kind = 5 // envelope sender; Item is the outgoing mail of the ticket, Person whom it went to
	KindMessage     Kind = 6 // Message-ID; Item is the outgoing mail of the ticket, Person whom it went to
	KindThread      Kind = 7 // first id in References; Person whom it went to
	KindLoop        Kind = 8 // X-Postdesk-Loop
	KindParticipant Kind = 9 // reply address of an expert, approver or observer without account; Item is the thread
)

// Token is what a minted mark is bound to: ticket, item (a thread, an outgoing
// mail or a held mail, by kind), person and, by kind, direction.
type Token struct {
	Kind   Kind
	Ticket uint64
	Item   uint64
	Person Person
}

// Person is an agent's registered number or a participant's number within the
// ticket. The zero Person is nobody.
type Person struct {
	Agent bool
	N     uint64
}
