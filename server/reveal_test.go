package server_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"html"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"
)

// revealer looks for marks in bytes as somebody would who has all day: it decodes whatever looks
// encoded, again and again, and shares no code with what writes and guards mails. It knows no MIME: what it
// takes for base64 need not have been declared as that.
type revealer struct {
	marks []string // lower case, without spaces
	found map[string]string
	left  int // bytes that it may still look at
}

// revealed are the marks that can be seen in a mail, each with the way on which it was seen.
func revealed(raw []byte, marks ...string) map[string]string {
	r := &revealer{found: map[string]string{}, left: 64 << 20}
	for _, m := range marks {
		r.marks = append(r.marks, strings.ToLower(m))
	}
	r.look(raw, "", 8)
	return r.found
}

// look searches bytes, and all that can be made of them.
func (r *revealer) look(b []byte, how string, depth int) {
	if r.left -= len(b); depth == 0 || len(b) < 4 || r.left < 0 {
		return
	}
	r.readings(b, how)
	for _, by := range revelations {
		for _, out := range by.decode(b) {
			if !bytes.Equal(out, b) {
				r.look(out, how+" "+by.name, depth-1)
			}
		}
	}
}

// readings are the ways in which people and programs read text that is not encoded any more.
func (r *revealer) readings(b []byte, how string) {
	s := string(b)
	for _, reading := range []struct{ how, text string }{
		{"", s}, {"without NUL", strings.ReplaceAll(s, "\x00", "")}, {"joined", joined(s)}, {"without tags", joined(anyTag.ReplaceAllString(s, ""))},
		{"entities", joined(anyTag.ReplaceAllString(html.UnescapeString(s), ""))}, {"percent", joined(unpercent(s))},
		{"percent in entities", joined(unpercent(html.UnescapeString(s)))}, {"spoken", joined(spokenMarks.Replace(s))},
		{"words of a header", joined(unworded(s))}, {"a parameter in pieces", joined(unpercent(parameterSeam.ReplaceAllString(s, "")))},
	} {
		low := strings.ToLower(reading.text)
		for _, m := range r.marks {
			if _, ok := r.found[m]; !ok && strings.Contains(low, m) {
				r.found[m] = strings.TrimSpace(how + " " + reading.how)
			}
		}
	}
}

var (
	anyTag        = regexp.MustCompile(`<[^<>]{0,1000}>`)
	parameterSeam = regexp.MustCompile(`"?;\s*(?:file)?name\*\d+\*?="?`)
	spokenMarks   = strings.NewReplacer("(at)", "@", "[at]", "@", " at ", "@", " arobase ", "@", "(dot)", ".", "[dot]", ".", " dot ", ".", " point ", ".")
)

// joined is text without white space, quote marks, soft line ends and invisible letters.
func joined(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c <= ' ' || c == '>' || c == '|' || c == 0xa0 || c == 0xad || c == 0x180e || c == 0xfeff || c >= 0x2000 && c <= 0x200f || c >= 0x2028 && c <= 0x202f || c >= 0x2060 && c <= 0x2064:
			return -1
		}
		return c
	}, strings.ReplaceAll(strings.ReplaceAll(s, "=\r\n", ""), "=\n", ""))
}

func unpercent(s string) string {
	for range 2 {
		if out, err := url.PathUnescape(percentSign.ReplaceAllString(s, "%25$1")); err == nil {
			s = out
		}
	}
	return s
}

// percentSign is one that begins no escape.
var percentSign = regexp.MustCompile(`%([^0-9A-Fa-f]|[0-9A-Fa-f][^0-9A-Fa-f]|.?$)`)

func unworded(s string) string {
	s = regexp.MustCompile(`\?=\s+=\?`).ReplaceAllString(s, "?==?")
	out, _ := (&mime.WordDecoder{CharsetReader: func(_ string, in io.Reader) (io.Reader, error) { return in, nil }}).DecodeHeader(s)
	return out
}

// revelations are the encodings, each with all that it may have hidden.
var revelations = []struct {
	name   string
	decode func([]byte) [][]byte
}{{"base64", unbase64}, {"quoted-printable", unquoted}, {"UTF-16", unutf16}, {"zip", unzipped}, {"hexadecimal", unhex}, {"calendar", unfolded}}

var base64Run = regexp.MustCompile(`(?:[A-Za-z0-9+/]{4,}={0,2}\r?\n?)+`)

func unbase64(b []byte) (list [][]byte) {
	for _, run := range base64Run.FindAll(b, 2000) {
		run = bytes.TrimRight(bytes.ReplaceAll(bytes.ReplaceAll(run, []byte("\r"), nil), []byte("\n"), nil), "=")
		if len(run) < 16 {
			continue
		}
		out := make([]byte, base64.RawStdEncoding.DecodedLen(len(run)))
		n, _ := base64.RawStdEncoding.Decode(out, run)
		list = append(list, out[:n])
	}
	return list
}

var equalsCode = regexp.MustCompile(`=(?:[0-9A-Fa-f]{2}|\r?\n)`)

func unquoted(b []byte) [][]byte {
	if !equalsCode.Match(b) {
		return nil
	}
	fixed := regexp.MustCompile(`=([^0-9A-Fa-f\r\n]|[0-9A-Fa-f][^0-9A-Fa-f])`).ReplaceAll(b, []byte("=3D$1"))
	out, _ := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(fixed)))
	return [][]byte{out}
}

func unutf16(b []byte) (list [][]byte) {
	if bytes.IndexByte(b, 0) < 0 {
		return nil
	}
	for _, shift := range []int{0, 1} {
		var units []uint16
		for i := shift; i+1 < len(b); i += 2 {
			units = append(units, uint16(b[i])|uint16(b[i+1])<<8)
		}
		list = append(list, []byte(string(utf16.Decode(units))))
	}
	return list
}

// unzipped is what is in an archive, a megabyte of each file.
func unzipped(b []byte) (list [][]byte) {
	at := bytes.Index(b, []byte("PK\x03\x04"))
	if at < 0 {
		return nil
	}
	z, err := zip.NewReader(bytes.NewReader(b[at:]), int64(len(b)-at))
	if err != nil {
		return nil
	}
	for _, f := range z.File {
		if r, err := f.Open(); err == nil {
			out, _ := io.ReadAll(io.LimitReader(r, 1<<20))
			list = append(list, out)
		}
	}
	return list
}

var hexRun = regexp.MustCompile(`<[0-9A-Fa-f\s]{16,}>`)

// unhex are the hexadecimal strings of a PDF.
func unhex(b []byte) (list [][]byte) {
	for _, run := range hexRun.FindAll(b, 100) {
		if out, err := hex.DecodeString(joined(strings.Trim(string(run), "<>"))); err == nil {
			list = append(list, bytes.ReplaceAll(out, []byte{0}, nil))
		}
	}
	return list
}

// unfolded is text of calendars and contacts without their escapes.
func unfolded(b []byte) [][]byte {
	if !bytes.Contains(b, []byte("BEGIN:V")) {
		return nil
	}
	return [][]byte{[]byte(strings.NewReplacer("\r\n ", "", "\n ", "", "\r\n\t", "", `\n`, "\n", `\,`, ",", `\;`, ";").Replace(string(b)))}
}

// The decoder sees what it is meant to see: a sweep by a blind one proves nothing.
func TestTheDecoderOfTheSweepSees(t *testing.T) {
	const mark = "canari.privee@corp.example"
	for _, f := range hidings {
		if _, ok := revealed([]byte("avant "+f.hide(mark)+" après\r\n"), mark)[mark]; !ok {
			t.Errorf("%s: %q is not seen", f.name, f.hide(mark))
		}
	}
	for name, mail := range map[string]string{
		"a file in a mail in a mail": part("Content-Type: message/rfc822", "Content-Transfer-Encoding: base64\n\n"+b64("Content-Transfer-Encoding: quoted-printable\n\n"+qp(mark))),
		"a document":                 "Content-Transfer-Encoding: base64\n\n" + b64(office(map[string]string{"docProps/core.xml": "<dc:creator>" + mark + "</dc:creator>"})),
		"a file name":                "Content-Disposition: attachment; filename*0*=utf-8''canari.privee; filename*1*=%40corp.example",
		"an encoded word":            "Subject: =?utf-8?b?" + strings.TrimSpace(b64("canari.privee")) + "?=\n =?utf-8?q?=40corp.example?=",
		"UTF-16":                     "Content-Transfer-Encoding: base64\n\n" + b64(wide("<p>canari.privee&#64;corp.example</p>")),
	} {
		if how, ok := revealed([]byte(mail), mark)[mark]; !ok {
			t.Errorf("%s: not seen", name)
		} else {
			t.Logf("%s: %s", name, how)
		}
	}
	if found := revealed([]byte("joanne.canari.privee@corp.exemple, canari.privee at home"), mark); len(found) > 0 {
		t.Error(found)
	}
}
