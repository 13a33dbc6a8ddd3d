package config

// notYet is the end of the warnings about settings that do nothing.
const notYet = "accepted, not in force yet"

// warnNotYet tells of settings that ask for what postdesk does not do yet.
// Defaults, and what is off, are no wish.
func (r *reader) warnNotYet(root *table, c *Config) {
	for i, team := range c.Teams {
		t := r.teams[i]
		if team.AcceptKnown {
			t.warn("accept", `"known": %s: mail of strangers is taken`, notYet)
		}
		if len(team.KnownBy) != 1 || team.KnownBy[0] != "address" {
			t.warn("known_by", notYet)
		}
		t.warnDelay("first_reply", "2d", notYet+", but the acknowledgement names the delay")
		t.warnDelay("update_every", "2d", notYet)
		t.warnDelay("remind_customer", "", notYet)
		t.warnDelay("close_after", "7d", notYet)
		if len(team.Fields) > 0 {
			t.warn("field", notYet+": nobody is asked for them")
		}
	}
	if c.Tickets.KeepClosed > 0 {
		root.sub("tickets").warn("keep_closed", notYet+": everything is kept")
	}
}

// warnDelay warns of a delay that the file gives and that is not the default.
func (t *table) warnDelay(key, otherwise, text string) {
	if v := t.entries[key]; v != nil && v.text != otherwise && v.text != "" {
		t.warn(key, "%s", text)
	}
}
