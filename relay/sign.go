package relay

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-msgauth/dkim"

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
// an error: the mail waits and never goes out with less.
func (k keyring) sign(domain string, src message.Source) ([]byte, error) {
	keys := k[strings.ToLower(domain)]
	if len(keys) == 0 {
		return nil, nil
	}
	head, err := readHead(src)
	if err != nil {
		return nil, err
	}
	fields := fieldsToSign(head)
	signers := make([]*dkim.Signer, 0, len(keys))
	// Each signer has a goroutine that only Close ends.
	defer func() {
		for _, s := range signers {
			s.Close()
		}
	}()
	for i := range keys {
		s, err := beginSignature(&keys[i], fields)
		if err != nil {
			return nil, err
		}
		signers = append(signers, s)
	}
	err = eachChunk(src, func(p []byte) error {
		for _, s := range signers {
			if _, err := s.Write(p); err != nil {
				return fmt.Errorf("sign: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var out []byte
	for len(signers) > 0 {
		s := signers[0]
		signers = signers[1:]
		if err := s.Close(); err != nil {
			return nil, fmt.Errorf("sign: %w", err)
		}
		out = append(out, s.Signature()...)
	}
	return out, nil
}

func beginSignature(k *config.DKIM, fields []string) (*dkim.Signer, error) {
	if k.Key == nil {
		return nil, fmt.Errorf("the DKIM key of %s, selector %s, is missing", k.Domain, k.Selector)
	}
	return dkim.NewSigner(&dkim.SignOptions{
		Domain: k.Domain, Selector: k.Selector, Signer: k.Key, Hash: crypto.SHA256,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed,
		BodyCanonicalization:   dkim.CanonicalizationRelaxed,
		HeaderKeys:             fields,
		// The library writes t= by the system's clock, and x= must lie after it.
		Expiration: time.Now().Add(signatureLife),
	})
}

var errNoHeaderEnd = errors.New("the mail's header has no end within its limit")

// readHead reads a mail's header, without the empty line.
func readHead(src message.Source) ([]byte, error) {
	if head := message.Window(src, 0, maxHeader); head != nil {
		return cutHead(head)
	}
	for limit := int64(4 << 10); ; limit = min(4*limit, maxHeader) {
		head := make([]byte, min(src.Size(), limit))
		if err := eachChunk(message.Section(src, 0, int64(len(head))), appendInto(head)); err != nil {
			return nil, err
		}
		if fields, err := cutHead(head); err == nil || int64(len(head)) == src.Size() || limit == maxHeader {
			return fields, err
		}
	}
}

func cutHead(mail []byte) ([]byte, error) {
	end := bytes.Index(mail, []byte("\r\n\r\n"))
	if end < 0 {
		return nil, errNoHeaderEnd
	}
	return mail[:end+2], nil
}

// appendInto fills dst with chunks, one after the other.
func appendInto(dst []byte) func([]byte) error {
	off := 0
	return func(p []byte) error {
		off += copy(dst[off:], p)
		return nil
	}
}

// fieldsToSign is signedFields, each as often as it occurs and once more.
func fieldsToSign(head []byte) []string {
	counts := make([]int, len(signedFields))
	total := len(signedFields)
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		name, _, ok := bytes.Cut(line, []byte(":"))
		if !ok || line[0] == ' ' || line[0] == '\t' {
			continue
		}
		name = bytes.TrimSpace(name)
		if i := slices.IndexFunc(signedFields, func(field string) bool { return strings.EqualFold(field, string(name)) }); i >= 0 {
			counts[i]++
			total++
		}
	}
	list := make([]string, 0, total)
	for i, field := range signedFields {
		for range counts[i] + 1 {
			list = append(list, field)
		}
	}
	return list
}
