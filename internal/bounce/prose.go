package bounce

import (
	"regexp"
	"slices"
	"strings"

	"postdesk/internal/message"
)

// prose reads a report that is only text: qmail's, Exim's, and what gateways of
// the last century say.
func prose(m *message.Message) []Verdict {
	text := humanText(m)
	if !fromServer(m) && !fields.MatchString(text) {
		return nil
	}
	if list := embedded(text); list != nil {
		return list
	}
	if list := transcript(text); list != nil {
		return list
	}
	var list []Verdict
	for _, block := range blocks(text) {
		v := Verdict{Recipient: block.recipient, Status: enhanced.FindString(block.text), Words: message.Clean(block.text, maxWords)}
		switch s := squash(block.text); {
		case containsAny(squash(text), delayWords) && !containsAny(s, hardWords):
			v.Outcome = Delayed
		default:
			v.Outcome = judge(evidence{text: block.text})
		}
		list = append(list, v)
	}
	return list
}

// servers are the local parts and subjects of mails that servers write about a
// delivery. A person's vacation answer has neither.
var (
	servers  = regexp.MustCompile(`(?i)^(mailer-?daemon|postmaster|mail-?daemon|mailadmin|mdaemon|mail-delivery-subsystem|mailsystem|delivery-subsystem|dsn|no-?reply|sender|bounce\S*)$`)
	subjects = regexp.MustCompile(`(?i)undeliver|deliver|return(ed|ing) (mail|to sender)|failure|fail(ed|ure)? (notice|mail|to)|bounce|non remis|échec|not been sent|could not be sent|user unknown|error|warning|mail system|unzustellbar|zustell`)
)

// fromServer: what the mail says of itself is how mail servers speak of
// deliveries.
func fromServer(m *message.Message) bool {
	if m.Header.Has("X-Failed-Recipients") || m.Report() != nil {
		return true
	}
	if list, _ := m.Authors(); len(list) > 0 && servers.MatchString(list[0].Address.Local) {
		return true
	}
	return subjects.MatchString(m.Header.Text("Subject"))
}

// Prose says whether a mail that came from nobody is a server's word, in prose, that another could not be
// delivered. It asks for more than Read, which is told by who is asked that the mail is a report: a shop's mail
// from no-reply@ with a null sender is none.
func Prose(m *message.Message) bool {
	list, _ := m.Authors()
	from := ""
	if len(list) > 0 {
		from = list[0].Address.Local
	}
	subject := notices.MatchString(m.Header.Text("Subject"))
	switch {
	case daemons.MatchString(from), strings.Contains(strings.ToLower(m.Header.Text("From")), "mailer-daemon"), m.Header.Has("X-Failed-Recipients"), subject && strings.EqualFold(from, "postmaster"), fields.MatchString(humanText(m)):
		return true
	case !subject && !strings.EqualFold(from, "postmaster"):
		return false
	}
	return slices.ContainsFunc(Read(m), func(v Verdict) bool { return v.Outcome != Unknown })
}

// daemons are senders that no person and no shop has, and notices the subjects of servers.
var (
	daemons = regexp.MustCompile(`(?i)^(mailer-?daemon|mail-?daemon|mdaemon|mail-delivery-subsystem|delivery-subsystem)$`)
	notices = regexp.MustCompile(`(?i)undeliver|deliver\w* (status|fail|problem|error|report|incomplete|delayed)|not be delivered|return(ed|ing) (mail|to sender)|failure notice|mail system error|non remis|échec de (la )?(remise|distribution)|unzustellbar`)
)

// fields begin the fields of RFC 3464 where they stand in a text.
var fields = regexp.MustCompile(`(?im)^(reporting-mta|original-recipient|final-recipient):`)

// embedded reads a delivery status that stands in the text itself: its
// boundary is broken, or its writer knew no MIME.
func embedded(text string) []Verdict {
	at := fields.FindStringIndex(text)
	if at == nil {
		return nil
	}
	m, err := message.Parse(message.BytesSource([]byte("Content-Type: message/delivery-status\n\n" + text[at[0]:])))
	if err != nil {
		return nil
	}
	r := m.Report()
	if r == nil || len(r.Recipients) == 0 {
		return nil
	}
	return recipients(r, text[:at[0]])
}

// spoken is how a sendmail of old says what became of a recipient.
var spoken = regexp.MustCompile(`(?m)^\d{3} (?:\d\.\d\.\d )?<([^<>\s]+@[^<>\s]+)>\.\.\. (.*)$`)

// transcript reads the lines of a session that name a recipient each.
func transcript(text string) []Verdict {
	_, session, ok := strings.Cut(text, "Transcript of session follows")
	if !ok {
		return nil
	}
	var list []Verdict
	for _, line := range spoken.FindAllStringSubmatch(session, 50) {
		list = append(list, Verdict{Recipient: line[1], Outcome: judge(evidence{diagnostic: line[2]}), Status: enhanced.FindString(line[0]), Words: message.Clean(line[0], maxWords)})
	}
	return list
}

type block struct{ recipient, text string }

// recipientLine is how a recipient begins a paragraph of its own.
var recipientLine = regexp.MustCompile(`(?m)^[ \t]*[<"]?([^\s<>"@]+@[^\s<>":]+)[>"]?[ \t]*:?[ \t]*$`)

// blocks cuts a text at the lines that name a recipient.
func blocks(text string) []block {
	at := recipientLine.FindAllStringSubmatchIndex(text, 50)
	if len(at) < 2 {
		who := ""
		if len(at) == 1 {
			who = text[at[0][2]:at[0][3]]
		}
		return []block{{who, text}}
	}
	var list []block
	for i, m := range at {
		end := len(text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		who, part := text[m[2]:m[3]], strings.TrimSpace(text[m[1]:end])
		switch n := len(list); {
		case n > 0 && list[n-1].recipient == who: // named again, in what is said of it
			list[n-1].text += "\n" + part
		case part != "":
			list = append(list, block{who, part})
		}
	}
	if len(list) == 0 {
		return []block{{"", text}}
	}
	return list
}

// about is what a text says of one of several recipients: the paragraph that
// names it, or its line.
func about(text, recipient string) string {
	if recipient == "" {
		return ""
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if !strings.Contains(strings.ToLower(line), strings.ToLower(recipient)) {
			continue
		}
		said := line
		for _, next := range lines[i+1:] {
			if strings.TrimSpace(next) == "" || strings.Contains(next, "@") && !strings.Contains(next, recipient) {
				break
			}
			said += "\n" + next
		}
		return said
	}
	return ""
}

var delayWords = []string{"this is a warning message only", "not yet been delivered", "has been delayed", "will be retried", "will continue trying"}
