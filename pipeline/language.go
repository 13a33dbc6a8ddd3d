package pipeline

import (
	"postdesk/internal/message"
	"postdesk/rules"
)

// maxGuessed is how much of a mail the guess of its language looks at, in bytes.
const maxGuessed = 2 << 10

// guessLanguage is the language that a mail is clearly written in, "" in doubt.
// It is for mail of customers only, and for this request: what is known of the
// contact an admin or an agent says.
func (d *delivery) guessLanguage() string {
	if d.facts.Class.Agent != "" || d.facts.Class.Automatic {
		return ""
	}
	if !d.heard {
		text, _ := d.mail.TextBody(maxGuessed)
		fresh, _ := message.SplitQuote(text)
		d.speaks, d.heard = rules.Language(d.mail.Header.Get("Content-Language"), fresh), true
	}
	return d.speaks
}
