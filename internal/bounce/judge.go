package bounce

import (
	"regexp"
	"strings"

	"postdesk/internal/message"
)

// evidence is what a report says about one recipient.
type evidence struct {
	status     string // enhanced status code
	diagnostic string // what the other server said
	text       string // for people; may be about all recipients
}

// judge decides between hard and soft. The words of the server count for more
// than its code: 5.1.1 and 550 are what many say to whatever they do not want.
// Of several words the first counts: the server's own, before what the sender's
// server makes of it. Who refuses only after the data has seen the mail, and
// means the mail.
func judge(e evidence) Outcome {
	diagnostic, text := squash(e.diagnostic), squash(e.text)
	diagnostic = strings.ReplaceAll(diagnostic, ironport, "")
	if strings.HasPrefix(e.status, "4.0.") || !strings.HasPrefix(e.status, "5.1.") && afterData.MatchString(text) && !strings.Contains(diagnostic, "delivery error: dd") {
		return Soft
	}
	if aboutSender.MatchString(text) {
		return Soft
	}
	for _, s := range []string{diagnostic, text} {
		hard, soft := first(s, hardWords, hardPattern), first(s, softWords, softPattern)
		switch {
		case hard < soft:
			return Hard
		case soft < hard:
			return Soft
		}
	}
	return byCode(e.status, diagnostic, text)
}

// aboutSender: the refusal was of who wrote, before anyone was named.
var aboutSender = regexp.MustCompile(`after mail from|>>> mail from:\S+( \S+)* <<< 5|in reply to mail from`)

// ironport is what one maker's gateways put before the words of others.
const ironport = "5.1.0 - unknown address error"

// afterData: the refusal came after the content.
var afterData = regexp.MustCompile(`in reply to end of data|after end of data|>>> data <<< 5|end of data:|smtp command data`)

// first is where the first of some words stands, past the end for nowhere.
func first(s string, words []string, pattern *regexp.Regexp) int {
	at := len(s) + 1
	for _, w := range words {
		if i := strings.Index(s, w); i >= 0 {
			at = min(at, i)
		}
	}
	if found := pattern.FindStringIndex(s); found != nil {
		at = min(at, found[0])
	}
	return at
}

// byCode is for servers that say nothing else, RFC 3463 §3.2.
func byCode(status, diagnostic, text string) Outcome {
	for _, code := range []string{enhanced.FindString(diagnostic), status, enhanced.FindString(text)} {
		switch {
		case code == "" || strings.HasSuffix(code, ".0.0"):
		case hardCodes[code]:
			return Hard
		default:
			return Soft
		}
	}
	if status == "" && !replyCode.MatchString(text) {
		return Unknown
	}
	return Soft
}

// replyCode is that of a session, RFC 5321 §4.2.
var replyCode = regexp.MustCompile(`\b[45]\d\d[ -]`)

// enhanced finds an enhanced status code, RFC 3463 §2.
var enhanced = regexp.MustCompile(`\b[245]\.\d{1,3}\.\d{1,3}\b`)

// hardCodes say that the address is wrong or takes no mail: bad mailbox, system,
// syntax; moved; null MX (RFC 7505 §4.2); not a user; mailbox disabled is soft.
var hardCodes = map[string]bool{
	"5.1.0": true, "5.1.1": true, "5.1.2": true, "5.1.3": true, "5.1.4": true, "5.1.6": true, "5.1.10": true, "5.4.4": true,
}

// squash makes words comparable: lower case, one space, no line ends.
func squash(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

func containsAny(s string, list []string) bool {
	for _, w := range list {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// humanText is the report's text for people, up to the mail that came back.
func humanText(m *message.Message) string {
	text, _ := m.TextBody(maxText)
	return beforeOriginal(text)
}

// maxText is how much of a report's prose is read, in bytes.
const maxText = 64 << 10

// original begins the mail that came back.
var original = regexp.MustCompile(`(?im)^\W*(original message|unsent message|message text follows|returned message|this is a copy of (the|your) message|below this line is a copy|below is a copy|message headers? follows?|the original message|original mail info|message header|received: ?(from|by|\())`)

func beforeOriginal(text string) string {
	if at := original.FindStringIndex(text); at != nil && at[0] > 0 {
		return text[:at[0]]
	}
	return text
}
