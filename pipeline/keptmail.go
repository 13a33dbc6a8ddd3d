package pipeline

import (
	"errors"

	"postdesk/internal/message"
	"postdesk/store"
)

// keptMail reads a mail that a ticket or the outbox keeps; nil when it was erased,
// and for number 0. One that is not what it was when it was stored is store.ErrDamaged.
func keptMail(tx store.ReadTx, id store.MailID) (*message.Message, error) {
	if id == 0 {
		return nil, nil
	}
	raw, err := tx.Mail(id)
	if errors.Is(err, store.ErrErased) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := store.CheckMail(raw); err != nil {
		return nil, err
	}
	return message.Parse(raw)
}

// maxSentText is how much of a mail that was sent a notice shows, in bytes.
const maxSentText = 4 << 10

// sentText is the beginning of what a mail that was sent said, above the quote; ""
// when it was erased.
func sentText(tx store.ReadTx, id store.MailID) (string, error) {
	mail, err := keptMail(tx, id)
	if err != nil || mail == nil {
		return "", err
	}
	text, _ := mail.TextBody(maxSentText)
	text, _ = message.SplitQuote(text)
	return text, nil
}
