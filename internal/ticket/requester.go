package ticket

// changeRequester makes a participant the one who asked. Who was it before stays
// in copy, unless the event says that that one is gone.
func (t *Ticket) changeRequester(e *Event) {
	if e.Participant == nil {
		return
	}
	if was := t.Requester(); was != nil {
		was.Relation = Copied
		was.Removed = e.Data["was"] == "gone"
	}
	e.Participant.Relation = Requester
	t.join(e.Participant)
	p := t.Participant(e.Participant.ID)
	p.Relation = Requester
	*e.Participant = *p
}
