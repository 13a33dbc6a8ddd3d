package testkit

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// get is the value of a field, "" for none; set writes it anew.
func (m *Carried) get(name string) string {
	for _, f := range m.Header {
		if n, v, ok := strings.Cut(f, ":"); ok && strings.EqualFold(n, name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func (m *Carried) set(name, value string) {
	m.strip(func(n string) bool { return strings.EqualFold(n, name) })
	m.Header = append(m.Header, name+": "+value)
}

func (m *Carried) strip(which func(name string) bool) {
	m.Header = slices.DeleteFunc(m.Header, func(f string) bool {
		name, _, _ := strings.Cut(f, ":")
		return which(name)
	})
}

// Strip takes header fields out, by name; a * at the end stands for anything.
func Strip(names ...string) Change {
	return func(_ *Hop, m *Carried) {
		m.strip(func(name string) bool {
			return slices.ContainsFunc(names, func(n string) bool {
				if prefix, ok := strings.CutSuffix(n, "*"); ok {
					return len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
				}
				return strings.EqualFold(name, n)
			})
		})
	}
}

// StripAllBut keeps only these fields.
func StripAllBut(names ...string) Change {
	return func(_ *Hop, m *Carried) {
		m.strip(func(name string) bool {
			return !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(name, n) })
		})
	}
}

// NewMessageID gives each mail a Message-ID of its own.
func NewMessageID(h *Hop, m *Carried) {
	h.serial++
	m.set("Message-ID", fmt.Sprintf("<hop-%d@hop.test>", h.serial))
}

// NewSubject gives each mail another subject.
func NewSubject(h *Hop, m *Carried) {
	h.serial++
	m.set("Subject", fmt.Sprintf("Affaire %d", h.serial))
}

// PrefixSubject puts one of the words of answers before the subject.
func PrefixSubject(h *Hop, m *Carried) {
	words := []string{"Re: ", "TR: ", "AW: ", "[EXTERNE] "}
	m.set("Subject", words[h.random.IntN(len(words))]+m.get("Subject"))
}

var inBrackets = regexp.MustCompile(`[^\s<>"]+@[^\s<>"]+`)

// NewFrom gives each mail another author, in one of the domains by turns: the
// envelope sender too, where there is one. What is answered to it comes back to
// whom it stands for.
func NewFrom(domains ...string) Change {
	return func(h *Hop, m *Carried) {
		h.serial++
		made := fmt.Sprintf("p%d.%x@%s", h.serial, h.random.Uint32(), domains[h.random.IntN(len(domains))])
		if was := inBrackets.FindString(m.get("From")); was != "" {
			h.Alias(made, was)
		}
		m.set("From", "<"+made+">")
		if m.From != "" {
			m.From = made
		}
	}
}

// RealSender gives a mail without envelope sender its author's, as mail programs
// do that "resend" a mail, and takes out where such a sender was written.
func RealSender(_ *Hop, m *Carried) {
	m.From = inBrackets.FindString(m.get("From"))
	m.strip(func(name string) bool { return strings.EqualFold(name, "Return-Path") })
}

// DropExtensions cuts "+…" off recipients, author and envelope sender.
func DropExtensions(_ *Hop, m *Carried) {
	for i, to := range m.To {
		m.To[i] = extension.ReplaceAllString(to, "@")
	}
	m.From = extension.ReplaceAllString(m.From, "@")
	if from := m.get("From"); from != "" {
		m.set("From", extension.ReplaceAllString(from, "@"))
	}
}

var extension = regexp.MustCompile(`\+[^@\s<>]*@`)

// Recode writes a body that is plain text in base64.
func Recode(_ *Hop, m *Carried) {
	if t := m.get("Content-Type"); t != "" && !strings.HasPrefix(strings.ToLower(t), "text/plain") || strings.EqualFold(m.get("Content-Transfer-Encoding"), "quoted-printable") ||
		strings.EqualFold(m.get("Content-Transfer-Encoding"), "base64") {
		return
	}
	text := base64.StdEncoding.EncodeToString(m.Body)
	var b strings.Builder
	for len(text) > 76 {
		b.WriteString(text[:76] + "\r\n")
		text = text[76:]
	}
	m.Body = []byte(b.String() + text + "\r\n")
	m.set("Content-Transfer-Encoding", "base64")
}

// Footer adds a line to the body, another one each time, which breaks its signature.
func Footer(h *Hop, m *Carried) {
	h.serial++
	m.Body = fmt.Appendf(slices.Clone(m.Body), "\r\n-- \r\nCe courrier a été vérifié, n° %d.\r\n", h.serial)
}

// Fresh replaces the body by a text that was never seen before.
func Fresh(h *Hop, m *Carried) {
	h.serial++
	m.Body = fmt.Appendf(nil, "Bonjour,\r\nvoici ma question n° %d : %x ?\r\n", h.serial, h.random.Uint64())
	m.strip(func(name string) bool { return strings.HasPrefix(strings.ToLower(name), "content-") })
}

// Twice delivers every mail twice.
func Twice(_ *Hop, m *Carried) { m.Copies = 2 }

// Late delivers every mail after up to so long.
func Late(most time.Duration) Change {
	return func(h *Hop, m *Carried) { m.Due = m.Due.Add(time.Duration(h.random.Int64N(int64(most)))) }
}

// Readdressed sends what was meant for one address to another.
func Readdressed(from, to string) Change {
	return func(_ *Hop, m *Carried) {
		for i := range m.To {
			if strings.EqualFold(m.To[i], from) {
				m.To[i] = to
			}
		}
	}
}

// Now and then a change is made to one mail in n.
func OneIn(n int, c Change) Change {
	return func(h *Hop, m *Carried) {
		if h.random.IntN(n) == 0 {
			c(h, m)
		}
	}
}

// Addressed writes the recipient into To, as a forwarder does that writes a mail
// of its own.
func Addressed(_ *Hop, m *Carried) { m.set("To", "<"+strings.Join(m.To, ">, <")+">") }
