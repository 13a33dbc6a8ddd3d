package compose

import (
	"strings"
	"unicode"
)

// unflow joins the lines that a client broke, RFC 3676 §4: what we write is not
// flowed.
func unflow(text string, delSp bool) string {
	out := make([]byte, 0, len(text))
	open, depth := false, 0
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		d := len(line) - len(strings.TrimLeft(line, ">"))
		body := strings.TrimPrefix(line[d:], " ")
		sig := body == "-- "
		if !open || d != depth || sig {
			if len(out) > 0 {
				out = append(out, '\n')
			}
			out = append(out, line[:d]...)
			if d > 0 {
				out = append(out, ' ')
			}
		}
		out = append(out, body...)
		open, depth = strings.HasSuffix(body, " ") && !sig, d
		if open && delSp {
			out = out[:len(out)-1]
		}
	}
	if strings.HasSuffix(text, "\n") {
		out = append(out, '\n')
	}
	return string(out)
}

const (
	pgpSigned    = "-----BEGIN PGP SIGNED MESSAGE-----"
	pgpSignature = "-----BEGIN PGP SIGNATURE-----"
	pgpSigEnd    = "-----END PGP SIGNATURE-----"
	pgpMessage   = "-----BEGIN PGP MESSAGE-----"
)

// unwrapPGP takes the text out of an inline clear-signed one, RFC 9580 §7: the signature
// names a key, and would not verify after our changes.
func unwrapPGP(text string) (string, bool) {
	head, rest, ok := strings.Cut(text, pgpSigned)
	if !ok || strings.TrimSpace(head) != "" {
		return text, false
	}
	_, rest, ok = strings.Cut(rest, "\n\n")
	if !ok {
		return text, false
	}
	signed, sig, ok := strings.Cut(rest, pgpSignature)
	if !ok {
		return text, false
	}
	_, tail, _ := strings.Cut(sig, pgpSigEnd)
	return strings.TrimPrefix(strings.ReplaceAll("\n"+signed, "\n- ", "\n"), "\n") + strings.TrimLeft(tail, "\n"), true
}

// letters is text in lower case with only its letters and digits: what remains
// the same through wrapping, quoting and a client's typography.
func letters(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		switch {
		case r < 0x80:
			if r >= 'A' && r <= 'Z' {
				r += 'a' - 'A'
			}
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				b.WriteByte(byte(r))
			}
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}
