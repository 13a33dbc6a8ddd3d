package compose

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"postdesk/internal/addr"
	"postdesk/internal/message"
)

// maxReferences keeps References short: some relays refuse long fields. The first one, our
// thread id, and the newest are kept (RFC 5322 §3.6.4 leaves the middle to us).
const maxReferences = 20

// newBuilder derives the MIME boundaries from the Message-ID, whose token nobody
// can foresee: no one can write text that ends a part.
func newBuilder(messageID string) *message.Builder {
	seed := sha256.Sum256([]byte("boundary " + messageID))
	n := 0
	return message.NewBuilder(func() string {
		n++
		sum := sha256.Sum256(append(seed[:], strconv.Itoa(n)...))
		return hex.EncodeToString(sum[:16])
	})
}

// maxWhy bounds X-Postdesk-Why, in characters.
const maxWhy = 500

// write writes the fields in the order that people are used to.
func (h Head) write(b *message.Builder) {
	b.Mailboxes("From", cleanBoxes([]addr.Mailbox{h.From}))
	if h.ReplyTo.Address != (addr.Address{}) {
		b.Mailboxes("Reply-To", cleanBoxes([]addr.Mailbox{h.ReplyTo}))
	}
	if len(h.To) > 0 {
		b.Mailboxes("To", cleanBoxes(h.To))
	}
	if len(h.Cc) > 0 {
		b.Mailboxes("Cc", cleanBoxes(h.Cc))
	}
	b.Text("Subject", cleanLine(h.Subject))
	b.Date(h.Date.UTC())
	b.MessageIDs("Message-ID", bareIDs([]string{h.MessageID}))
	if ids := bareIDs([]string{h.InReplyTo}); len(ids) > 0 {
		b.MessageIDs("In-Reply-To", ids)
	}
	if ids := cutReferences(bareIDs(h.References)); len(ids) > 0 {
		b.MessageIDs("References", ids)
	}
	if h.AutoSubmitted != "" {
		b.Field("Auto-Submitted", cleanLine(h.AutoSubmitted))
		b.Field("X-Auto-Response-Suppress", "All") // MS-OXCMAIL 2.1.3.2.20
	}
	if h.Loop != "" {
		b.Field("X-Postdesk-Loop", cleanLine(h.Loop))
	}
	if h.Why != "" {
		b.Text("X-Postdesk-Why", cutRunes(cleanLine(h.Why), maxWhy))
	}
}

func cleanBoxes(list []addr.Mailbox) []addr.Mailbox {
	out := make([]addr.Mailbox, 0, len(list))
	for _, m := range list {
		out = append(out, addr.Mailbox{Name: cleanLine(m.Name), Address: m.Address})
	}
	return out
}

// bareIDs are Message-IDs without brackets and without what can't stand in one; doubles are
// dropped.
func bareIDs(list []string) []string {
	out := make([]string, 0, len(list))
	seen := make(map[string]bool, len(list))
	for _, id := range list {
		id = strings.Trim(cleanLine(id), "<> ")
		if id == "" || seen[id] || strings.ContainsAny(id, "<> \t") || !isPlainLine(id) {
			continue
		}
		seen[id] = true
		out = append(out, id)
	}
	return out
}

func cutReferences(ids []string) []string {
	if len(ids) <= maxReferences {
		return ids
	}
	return append([]string{ids[0]}, ids[len(ids)-maxReferences+1:]...)
}

// displayName is a name that may stand before a token address: nothing in it looks like
// an address, since some clients show only that, and some make it one.
func displayName(m addr.Mailbox) string {
	name := cleanLine(m.Name)
	if name == "" || strings.Contains(name, "@") {
		if i := strings.IndexByte(name, '@'); i > 0 {
			name = strings.TrimSpace(strings.Trim(name[:i], "\"'<( "))
		}
		if name == "" {
			name = cleanLine(m.Address.Local)
		}
	}
	return cutRunes(strings.ReplaceAll(name, "@", " "), 60)
}

func cutRunes(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i] + "…"
		}
	}
	return s
}
