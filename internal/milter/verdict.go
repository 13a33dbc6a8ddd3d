package milter

import (
	"fmt"
	"strings"

	"github.com/emersion/go-milter"

	"postdesk/internal/message"
)

// Limits of what a filter may add.
const (
	maxHeaders = 100
	maxText    = 400 // bytes
)

// verdict reads a filter's last word and the changes that it wants.
func verdict(changes []milter.ModifyAction, act *milter.Action) (Verdict, error) {
	v := Verdict{Action: Accept}
	quarantine := false
	for _, ch := range changes {
		switch ch.Code {
		case milter.ActAddHeader, milter.ActInsertHeader:
			v.addHeader(ch.HeaderName, ch.HeaderValue)
		case milter.ActChangeHeader:
			v.changeHeader(ch.HeaderName, ch.HeaderValue)
		case milter.ActQuarantine:
			quarantine = true
			v.Text = message.Clean(ch.Reason, maxText)
		}
	}
	switch act.Code {
	case milter.ActAccept, milter.ActContinue:
		if quarantine {
			v.Action = Quarantine
		}
	case milter.ActDiscard:
		v.Action = Discard
	case milter.ActReject:
		v.refuse(550, "")
	case milter.ActTempFail:
		v.refuse(451, "")
	case milter.ActReplyCode:
		if act.SMTPCode < 400 || act.SMTPCode > 599 {
			return Verdict{}, fmt.Errorf("reply code %d", act.SMTPCode)
		}
		v.refuse(act.SMTPCode, act.SMTPText)
	default:
		return Verdict{}, fmt.Errorf("unknown answer %q", act.Code)
	}
	return v, nil
}

// refuse sets the reply. A text may begin with an enhanced code, RFC 2034 §4;
// one of another class than the code is not used.
func (v *Verdict) refuse(code int, text string) {
	v.Action, v.Code, v.Enhanced = Reject, code, [3]int{5, 7, 1}
	if code < 500 {
		v.Action, v.Enhanced = TempFail, [3]int{4, 7, 1}
	}
	text = message.Clean(text, maxText)
	var e [3]int
	first, rest, _ := strings.Cut(text, " ")
	if n, err := fmt.Sscanf(first, "%d.%d.%d", &e[0], &e[1], &e[2]); err == nil && n == 3 {
		text = rest
		if e[0] == code/100 && e[1] >= 0 && e[1] < 1000 && e[2] >= 0 && e[2] < 1000 {
			v.Enhanced = e
		}
	}
	if v.Text = text; v.Text == "" {
		v.Text = "Message refused by a filter"
		if code < 500 {
			v.Text = "Message deferred by a filter, please try again later"
		}
	}
}

func (v *Verdict) addHeader(name, value string) {
	v.Spam = v.Spam || isSpamFlag(name, value)
	if len(v.Headers) < maxHeaders && isFieldName(name) {
		v.Headers = append(v.Headers, Header{Name: name, Value: message.Clean(value, maxText)})
	}
}

// changeHeader takes a new subject as a flag. Of another field that is changed
// the new value counts as added: rspamd says X-Spam in this way, whether the
// mail had one or not. An empty value deletes, which we do not do.
func (v *Verdict) changeHeader(name, value string) {
	switch {
	case value == "":
	case strings.EqualFold(name, "Subject"):
		v.Spam = true
	default:
		v.addHeader(name, value)
	}
}

// isSpamFlag knows the fields with which filters say "spam": X-Spam: Yes
// (rspamd), X-Spam-Flag: YES and X-Spam-Status: Yes, score=… (SpamAssassin).
func isSpamFlag(name, value string) bool {
	switch strings.ToLower(name) {
	case "x-spam", "x-spam-flag", "x-spam-status":
		word, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(value)), ",")
		return word == "yes" || word == "true"
	}
	return false
}

// isFieldName is RFC 5322 §3.6.8.
func isFieldName(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == ':' {
			return false
		}
	}
	return s != "" && len(s) <= 100
}
