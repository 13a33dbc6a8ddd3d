package bounce

import (
	"io"
	"regexp"
	"strings"

	"postdesk/internal/message"
)

// Bounds of the search for what came back.
const (
	maxReturned = 64 << 10 // bytes of a part
	maxIDs      = 20
)

// namedID is a Message-ID where a header came back as text, quoted or indented.
var namedID = regexp.MustCompile(`(?im)^[>| \t]*(?:original-)?message-id[ \t]*:\s*<?([^<>\s]{3,500})>?`)

// Returned are the Message-IDs of the mails that a report is about: of the mail that came back, of its header
// (RFC 3462 §2), and of a header that stands in the text, since not all servers know MIME. At most 20, the
// report's own is none of them, and those that it answers neither.
func Returned(m *message.Message) []string {
	var list []string
	add := func(ids ...string) {
		for _, id := range ids {
			if len(list) < maxIDs {
				list = append(list, id)
			}
		}
	}
	if r := m.Report(); r != nil && r.OriginalID != "" {
		add(r.OriginalID)
	}
	m.Walk(func(p *message.Part) bool {
		switch {
		case p.Parent != nil && p.Parent.IsMessage():
			add(p.Header.MessageIDs("Message-ID")...)
		case len(p.Children) == 0 && (strings.HasPrefix(p.MediaType, "text/") || strings.HasPrefix(p.MediaType, "message/")):
			add(inText(p)...)
		}
		return len(list) < maxIDs
	})
	return list
}

// inText are the Message-IDs that the beginning of a part's text names.
func inText(p *message.Part) (list []string) {
	b, _ := io.ReadAll(io.LimitReader(p.Decode(), maxReturned))
	for _, found := range namedID.FindAllSubmatch(b, maxIDs) {
		list = append(list, string(found[1]))
	}
	return list
}
