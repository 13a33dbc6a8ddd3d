package compose

// QuotedTicket is the number of the ticket whose block stands in a text, as when
// an agent forwards the copy of a mail; 0 for none. The block's mark shows that
// the text is ours, not who wrote the mail around it.
func (c *Composer) QuotedTicket(text string) uint64 {
	for _, m := range c.findMarks(text) {
		return m.number
	}
	return 0
}
