package message

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
)

// decodeText is cleanText of what decodeCharset makes of bytes. Nearly all text is UTF-8 already: its line ends are
// changed while it is copied.
func decodeText(label string, b []byte) string {
	if isUTF8Label(charsetLabel(label)) && !bytes.HasPrefix(b, utf8BOM) && utf8.Valid(b) {
		return cleanLines(withoutCR(b))
	}
	return cleanText(decodeCharset(label, b))
}

// isUTF8Label is true for the charsets in which bytes that are UTF-8 are taken for it.
func isUTF8Label(label string) bool {
	switch label {
	case "utf-8", "utf8", "", "us-ascii", "ascii":
		return true
	}
	return false
}

var utf8BOM = []byte("\xef\xbb\xbf")

// decodeCharset turns bytes of a named charset into valid UTF-8. UTF-7 is never
// decoded: it hides markup from those who look at the bytes. An unknown name
// means UTF-8 if the bytes are that, else Windows-1252, which holds Latin-1.
func decodeCharset(label string, b []byte) string {
	switch label = charsetLabel(label); label {
	case "utf-8", "utf8":
		return strings.ToValidUTF8(string(bytes.TrimPrefix(b, utf8BOM)), "\ufffd")
	case "", "us-ascii", "ascii":
		return guessCharset(b)
	}
	enc := findCharset(label)
	if enc == nil {
		return guessCharset(b)
	}
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil {
		return guessCharset(b)
	}
	return strings.ToValidUTF8(string(out), "\ufffd")
}

// charsetLabel cleans a name: quotes, white space, RFC 2231's language.
func charsetLabel(label string) string {
	if len(label) > 40 {
		return "unknown"
	}
	label, _, _ = strings.Cut(label, "*")
	return strings.ToLower(strings.Trim(label, " \t\r\n\"'"))
}

// findCharset is the list of charsets that we decode: those of the WHATWG, a few
// of old mail programs.
func findCharset(label string) encoding.Encoding {
	switch label {
	case "replacement", "x-user-defined", "utf-7", "unicode-1-1-utf-7":
		return nil
	case "utf-16":
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM) // RFC 2781 §4.3
	case "cp850", "ibm850", "850":
		return charmap.CodePage850
	case "cp437", "ibm437", "437":
		return charmap.CodePage437
	case "cp858", "ibm858":
		return charmap.CodePage858
	case "cp932", "ms932":
		label = "shift_jis"
	case "cp936", "x-gbk":
		label = "gbk"
	case "cp949":
		label = "euc-kr"
	case "cp950":
		label = "big5"
	}
	if n, ok := strings.CutPrefix(label, "iso-8859_"); ok {
		label = "iso-8859-" + n
	} else if strings.HasPrefix(label, "windows1") || strings.HasPrefix(label, "windows_") {
		label = "windows-" + strings.TrimLeft(label[len("windows"):], "_")
	}
	enc, err := htmlindex.Get(label)
	if err != nil || enc == encoding.Replacement {
		return nil
	}
	if name, _ := htmlindex.Name(enc); name == "replacement" || name == "x-user-defined" {
		return nil
	}
	return enc
}

// guessCharset reads bytes of which nothing is known.
func guessCharset(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	if cut := trimCutRune(b); len(cut) < len(b) && utf8.Valid(cut) {
		return string(cut) + "\ufffd"
	}
	out, err := charmap.Windows1252.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "\ufffd")
	}
	return string(out)
}

// trimCutRune drops a UTF-8 letter that is cut off at the end, as when a text
// was cut at a limit; only in text that has other non-ASCII letters.
func trimCutRune(b []byte) []byte {
	for i := 1; i < utf8.UTFMax && i < len(b); i++ {
		if c := b[len(b)-i]; utf8.RuneStart(c) {
			head := b[:len(b)-i]
			if c >= utf8.RuneSelf && !utf8.FullRune(b[len(b)-i:]) && !isASCII(head) {
				return head
			}
			break
		}
	}
	return b
}

func isASCII[T string | []byte](s T) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// htmlCharset looks for <meta charset> in the first kilobyte of HTML, where the
// mail itself names none.
func htmlCharset(b []byte) string {
	head := bytes.ToLower(b[:min(len(b), 1024)])
	i := bytes.Index(head, []byte("charset="))
	if i < 0 || bytes.LastIndex(head[:i], []byte("<meta")) < 0 {
		return ""
	}
	rest := bytes.TrimLeft(head[i+len("charset="):], "\"' ")
	if j := bytes.IndexAny(rest, "\"' />;"); j >= 0 {
		rest = rest[:j]
	}
	return string(rest)
}
