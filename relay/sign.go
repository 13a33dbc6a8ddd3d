package relay

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"time"

	"postdesk/internal/config"
	"postdesk/internal/message"
)

// signatureLife is x= minus t=, RFC 6376 §3.5: long enough for the slowest
// queue, short enough that our mail is of no use to someone who replays it.
const signatureLife = 14 * 24 * time.Hour

// signedFields are signed as often as they stand in the mail and once more, so
// that none can be added (RFC 6376 §8.15). A nil list would sign every field.
var signedFields = []string{
	"From", "To", "Subject", "Date", "Reply-To", "Cc", "Sender", "Message-ID", "In-Reply-To", "References",
	"MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Auto-Submitted",
}

// keyring holds the [[dkim]] entries of one configuration by domain.
type keyring map[string][]config.DKIM

func newKeyring(list []config.DKIM) keyring {
	k := make(keyring)
	for _, entry := range list {
		d := strings.ToLower(entry.Domain)
		k[d] = append(k[d], entry)
	}
	return k
}

// sign returns the DKIM-Signature fields of a mail, one for each key of the
// domain, and nothing for a domain without keys. One key that can't be used is
// an error: the mail waits and never goes out with less. The mail has no bare CR or LF.
func (k keyring) sign(domain string, src message.Source) ([]byte, error) {
	keys := k[strings.ToLower(domain)]
	if len(keys) == 0 {
		return nil, nil
	}
	head, err := readHead(src)
	if err != nil {
		return nil, err
	}
	body := newRelaxedBody()
	at := int64(len(head) + 2) // behind the empty line
	if err := eachChunk(message.Section(src, at, src.Size()-at), body.write); err != nil {
		return nil, err
	}
	names, fields := fieldsToSign(head)
	s := signing{names: names, fields: fields, body: body.sum(), now: time.Now()} // by the clock of those who verify
	var out []byte
	for i := range keys {
		if out, err = s.append(out, &keys[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

var errNoHeaderEnd = errors.New("the mail's header has no end within its limit")

// readHead reads a mail's header, without the empty line.
func readHead(src message.Source) ([]byte, error) {
	for limit := int64(4 << 10); ; limit = min(4*limit, maxHeader) {
		head := make([]byte, min(src.Size(), limit))
		if err := eachChunk(message.Section(src, 0, int64(len(head))), appendInto(head)); err != nil {
			return nil, err
		}
		if end := bytes.Index(head, []byte("\r\n\r\n")); end >= 0 {
			return head[:end+2], nil
		}
		if int64(len(head)) == src.Size() || limit == maxHeader {
			return nil, errNoHeaderEnd
		}
	}
}

// appendInto fills dst with chunks, one after the other.
func appendInto(dst []byte) func([]byte) error {
	off := 0
	return func(p []byte) error {
		off += copy(dst[off:], p)
		return nil
	}
}

// fieldsToSign gives what stands in h=, signedFields as often as each occurs and once more, and those
// that are there in relaxed form, in the same order: the last of a name first, RFC 6376 §5.4.2.
func fieldsToSign(head []byte) (names []string, fields []byte) {
	found := make(map[string][][]byte, len(signedFields))
	for len(head) > 0 {
		end := fieldEnd(head)
		if name, value, ok := bytes.Cut(head[:end], []byte(":")); ok {
			n := strings.ToLower(string(bytes.TrimSpace(name)))
			found[n] = append(found[n], value)
		}
		head = head[end:]
	}
	for _, name := range signedFields {
		lower := strings.ToLower(name)
		values := found[lower]
		names = append(names, name)
		for _, value := range slices.Backward(values) {
			names = append(names, name)
			fields = append(append(fields, lower...), ':')
			fields = append(relaxed(fields, value), "\r\n"...)
		}
	}
	return names, fields
}

// fieldEnd is the length of the field at the beginning of head, with the lines that go on with it.
func fieldEnd(head []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(head[at:], '\n')
		if i < 0 {
			return len(head)
		}
		if at += i + 1; at == len(head) || head[at] != ' ' && head[at] != '\t' {
			return at
		}
	}
}
