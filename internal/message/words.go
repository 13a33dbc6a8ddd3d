package message

import (
	"strings"
)

// decodeWords decodes the text of a header, RFC 2047, into UTF-8 of about max
// bytes; line ends and control characters may be in it still. Bytes outside of
// encoded words that are no ASCII are UTF-8 or Windows-1252.
func decodeWords(raw []byte, max int) string {
	d := wordDecoder{max: max}
	d.run(string(raw[:min(len(raw), MaxField)]))
	return d.out.String()
}

// wordDecoder joins neighbouring encoded words of one charset before it decodes
// them: many programs cut letters in two.
type wordDecoder struct {
	out     strings.Builder
	max     int
	charset string
	pending []byte // decoded bytes of the words so far
	open    bool   // pending is a run of words
}

func (d *wordDecoder) run(s string) {
	for len(s) > 0 && d.out.Len() < d.max {
		i := strings.Index(s, "=?")
		if i < 0 {
			break
		}
		word, size := parseWord(s[i:])
		if size == 0 {
			d.literal(s[:i+2])
			s = s[i+2:]
			continue
		}
		if !d.open || strings.Trim(s[:i], " \t\r\n") != "" {
			d.literal(s[:i])
		}
		d.word(word)
		s = s[i+size:]
		if len(d.pending) > 2*d.max {
			d.flush()
		}
	}
	if d.out.Len() < d.max {
		d.literal(s)
	}
}

// literal adds text that is not encoded.
func (d *wordDecoder) literal(s string) {
	d.flush()
	if s == "" {
		return
	}
	s = limit(s, 2*d.max)
	if isASCII(s) {
		d.out.WriteString(s)
		return
	}
	d.out.WriteString(guessCharset([]byte(s)))
}

func (d *wordDecoder) word(w encodedWord) {
	if d.open && w.charset != d.charset {
		d.flush()
	}
	d.open, d.charset = true, w.charset
	if w.base64 {
		d.pending = appendBase64(d.pending, w.text)
	} else {
		d.pending = appendQ(d.pending, w.text)
	}
}

func (d *wordDecoder) flush() {
	if d.open {
		d.out.WriteString(decodeCharset(d.charset, d.pending))
	}
	d.open, d.pending = false, d.pending[:0]
}

// encodedWord is RFC 2047 §2.
type encodedWord struct {
	charset, text string
	base64        bool
}

// parseWord reads the encoded word at the beginning of s ("=?") and its size; 0
// if there is none. White space inside a Q word is forbidden and seen.
func parseWord(s string) (encodedWord, int) {
	rest := s[2:]
	i := strings.IndexByte(limit(rest, 64), '?')
	if i < 1 || len(rest) < i+3 || rest[i+2] != '?' || strings.ContainsAny(rest[:i], " \t\r\n=\"<>") {
		return encodedWord{}, 0
	}
	var w encodedWord
	switch rest[i+1] {
	case 'B', 'b':
		w.base64 = true
	case 'Q', 'q':
	default:
		return encodedWord{}, 0
	}
	w.charset = charsetLabel(rest[:i])
	text := rest[i+3:]
	end := strings.Index(limit(text, MaxField), "?=")
	if end < 0 {
		return encodedWord{}, 0
	}
	if next := strings.Index(text[:end], "=?"); next >= 0 && w.base64 {
		return encodedWord{}, 0 // this one has no end, another begins
	}
	w.text = text[:end]
	return w, 2 + i + 3 + end + 2
}

func appendQ(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '_':
			b = append(b, ' ')
		case c == '=' && i+2 < len(s) && hexValue(s[i+1]) >= 0 && hexValue(s[i+2]) >= 0:
			b = append(b, byte(hexValue(s[i+1])<<4|hexValue(s[i+2])))
			i += 2
		case c != '\r' && c != '\n':
			b = append(b, c)
		}
	}
	return b
}

// appendBase64 decodes what is base64 in s and steps over the rest.
func appendBase64(b []byte, s string) []byte {
	var d base64State
	for i := 0; i < len(s); i++ {
		b = d.add(b, s[i])
	}
	return d.flush(b)
}
