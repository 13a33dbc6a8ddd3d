package mailauth

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"postdesk/internal/addr"
	"postdesk/internal/message"
)

// Limits of a signature.
const (
	maxSigned    = 256              // names in h=; the library searches the header for each
	maxKeyRecord = 4096             // characters of a key record
	maxClockSkew = 15 * time.Minute // of a signature made in the future
)

// checkDKIM verifies at most MaxVerifications signatures, those of the
// author's own domain first, so that a list's or a relay's do not crowd them
// out. One at a time: the library's way to do several starts a goroutine for
// each, which stays for ever after a read error.
func (c *Checker) checkDKIM(ctx context.Context, dns *lookups, src message.Source, h header, author string) (list []DKIM, ignored int) {
	sigs := signatures(h)
	if h.unreadable {
		return []DKIM{{Result: TempError, Reason: h.tooLarge}}, 0
	}
	if len(sigs) == 0 {
		return nil, 0
	}
	if h.tooLarge != "" {
		return []DKIM{{Result: PermError, Domain: sigs[0].domain, Selector: sigs[0].selector, Reason: h.tooLarge}}, len(sigs) - 1
	}
	slices.SortStableFunc(sigs, func(a, b signature) int { return b.closeness(author) - a.closeness(author) })
	if ignored = max(0, len(sigs)-MaxVerifications); ignored > 0 {
		sigs = sigs[:MaxVerifications]
	}
	fetchKeys(ctx, dns, sigs)
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return []DKIM{{Result: TempError, Domain: sigs[0].domain, Selector: sigs[0].selector, Reason: "no time to verify"}}, ignored
	}
	b := scanBody(ctx, src, h.body)
	for _, s := range sigs {
		list = append(list, c.verify(ctx, dns, h, b, s))
	}
	return list, ignored
}

// fetchKeys asks for all keys at once and waits, so that a place among the
// workers is for work: a dead name server of one sender does not keep the mails
// of others waiting. The answers are remembered.
func fetchKeys(ctx context.Context, dns *lookups, sigs []signature) {
	var wg sync.WaitGroup
	for _, s := range sigs {
		if s.err == "" {
			wg.Go(func() { _, _ = dns.LookupTXT(ctx, s.tag("s")+"._domainkey."+s.tag("d")) })
		}
	}
	wg.Wait()
}

// signature is what we read ourselves of a DKIM-Signature field.
type signature struct {
	index            int // of the field
	tags             map[string]string
	err              string
	domain, selector string
}

func signatures(h header) (list []signature) {
	for i, f := range h.fields {
		if f.name == "dkim-signature" {
			list = append(list, readSignature(i, f))
		}
	}
	return list
}

// readSignature reads the tag list, RFC 6376 §3.2.
func readSignature(i int, f field) signature {
	s := signature{index: i}
	_, value, _ := bytes.Cut(f.raw, []byte(":"))
	s.tags, s.err = tagList(string(value))
	s.domain, s.selector = strings.ToLower(s.tag("d")), s.tag("s")
	if s.err == "" {
		if d, err := addr.ParseDomain(s.domain); err == nil {
			s.domain = d
		}
	}
	s.domain, s.selector = clean(s.domain), clean(s.selector)
	return s
}

// tag is a tag's value without white space.
func (s signature) tag(name string) string { return strings.Join(strings.Fields(s.tags[name]), "") }

// closeness to the author's domain: 2 is the same, 1 above or below it.
func (s signature) closeness(author string) int {
	switch {
	case author == "" || s.domain == "":
		return 0
	case s.domain == author:
		return 2
	case strings.HasSuffix(author, "."+s.domain) || strings.HasSuffix(s.domain, "."+author):
		return 1
	}
	return 0
}

func tagList(s string) (tags map[string]string, fault string) {
	tags = map[string]string{}
	for _, p := range strings.Split(s, ";") {
		name, value, ok := strings.Cut(p, "=")
		name = strings.TrimSpace(name)
		if !ok {
			if name != "" {
				fault = "malformed tag list"
			}
			continue
		}
		if _, dup := tags[name]; dup {
			fault = "duplicate tag"
			continue
		}
		tags[name] = strings.TrimSpace(value)
	}
	return tags, fault
}

// verify verifies one signature with the library, after what the library does
// not look at.
func (c *Checker) verify(ctx context.Context, dns *lookups, h header, b body, s signature) (d DKIM) {
	d = DKIM{Result: PermError, Domain: s.domain, Selector: s.selector}
	defer func() {
		if p := recover(); p != nil {
			d.Result, d.Reason = PermError, fmt.Sprintf("internal error: %v", p)
		}
	}()
	if s.err != "" {
		d.Reason = s.err
		return d
	}
	if d.Result, d.Reason = c.screen(s, b); d.Result != None {
		return d
	}
	k := &keyLookup{ctx: ctx, dns: dns, sig: s}
	r := &bodyReader{ctx: ctx, src: b.src, off: b.start, end: b.end}
	list, err := dkim.VerifyWithOptions(inLargePieces(sortedHeader(h, s.index), r), &dkim.VerifyOptions{LookupTXT: k.lookup, MaxVerifications: 1})
	switch {
	case r.cut || b.cut:
		d.Result, d.Reason = TempError, "no time to read the body"
	case len(list) != 1:
		d.Result, d.Reason = PermError, clean(fmt.Sprint(err))
	default:
		d.Result, d.Reason = verdict(list[0].Err)
	}
	if d.Result == Pass {
		d.Result, d.Reason = k.screen(list[0].Identifier)
	}
	return d
}

// inLargePieces is header and body as the library takes them without a buffer of its own; io.Copy leaves the rest of the body
// to the reader of both.
func inLargePieces(header []byte, body *bodyReader) *bufio.Reader {
	return bufio.NewReaderSize(&signedReader{header, body}, headerBuffer)
}

// headerBuffer is the buffer through which a header is read. The library makes one of its own where a reader has less.
const headerBuffer = 4 << 10

// signedReader is a header and then a body.
type signedReader struct {
	header []byte
	body   *bodyReader
}

func (r *signedReader) Read(p []byte) (int, error) {
	if len(r.header) == 0 {
		return r.body.Read(p)
	}
	n := copy(p, r.header)
	r.header = r.header[n:]
	return n, nil
}

// WriteTo is io.WriterTo.
func (r *signedReader) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(r.header)
	r.header = r.header[n:]
	if err != nil {
		return int64(n), err
	}
	m, err := r.body.WriteTo(w)
	return int64(n) + m, err
}

func verdict(err error) (Result, string) {
	switch {
	case err == nil:
		return Pass, ""
	case dkim.IsTempFail(err):
		return TempError, clean(err.Error())
	case dkim.IsPermFail(err):
		return PermError, clean(err.Error())
	}
	return Fail, clean(err.Error())
}

// screen refuses what is valid by RFC 6376 and of no worth, or would cost too
// much to verify. None means: go on.
func (c *Checker) screen(s signature, b body) (Result, string) {
	now := c.now()
	at, errT := seconds(s.tag("t"))
	until, errX := seconds(s.tag("x"))
	_, limited := s.tags["l"]
	switch {
	case limited:
		return Policy, "only a part of the body is signed (l=)" // RFC 6376 §8.2
	case strings.HasSuffix(s.tag("a"), "-sha1"):
		return Policy, "SHA-1" // RFC 8301 §3.1
	case errT != nil || errX != nil:
		return PermError, "malformed time"
	case !at.IsZero() && at.After(now.Add(maxClockSkew)):
		return Policy, "signed in the future" // RFC 6376 §3.5, t=
	case !until.IsZero() && now.After(until):
		return Policy, "expired" // RFC 6376 §3.5, x=
	case !until.IsZero() && !at.IsZero() && !until.After(at):
		return PermError, "expires before it was signed"
	case strings.Count(s.tag("h"), ":") >= maxSigned:
		return PermError, "too many signed fields"
	case b.blank:
		return PermError, "too many empty lines to verify"
	}
	return None, ""
}

// seconds reads a time in seconds since 1970; the zero time if there is none.
func seconds(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	n, err := strconv.ParseInt(s, 10, 62)
	if err != nil || n < 0 {
		return time.Time{}, fmt.Errorf("bad time %q", s)
	}
	return time.Unix(n, 0), nil
}

// sortedHeader is the header with one signature on top, where the library
// finds it first. Which field of another name is signed does not depend on it;
// among the signatures only those below the moved one stay in their places,
// which are all that its signer can have seen.
func sortedHeader(h header, sig int) []byte {
	size := len("\r\n")
	for _, f := range h.fields {
		size += len(f.raw)
	}
	b := append(make([]byte, 0, size), h.fields[sig].raw...)
	for i, f := range h.fields {
		if i != sig {
			b = append(b, f.raw...)
		}
	}
	return append(b, "\r\n"...)
}

// keyLookup fetches the key of one signature and remembers its flags.
type keyLookup struct {
	ctx   context.Context
	dns   *lookups
	sig   signature
	flags []string
}

// lookup picks the record among several: those that are no key, or a key of
// another algorithm, are left out; the library refuses more than one.
func (k *keyLookup) lookup(name string) ([]string, error) {
	all, err := k.dns.LookupTXT(k.ctx, name)
	if err != nil {
		return nil, err
	}
	algorithm, _, _ := strings.Cut(k.sig.tag("a"), "-")
	for _, txt := range all {
		tags, fault := tagList(txt)
		kind := tags["k"]
		if kind == "" {
			kind = "rsa" // RFC 6376 §3.6.1
		}
		if _, ok := tags["p"]; !ok || fault != "" || kind != algorithm || len(txt) > maxKeyRecord {
			continue
		}
		for _, f := range strings.Split(tags["t"], ":") {
			k.flags = append(k.flags, strings.TrimSpace(f))
		}
		return []string{txt}, nil
	}
	return nil, nil
}

// screen applies the flag t=s, which the library reads and does not use: the
// domain of i= must be d= itself, RFC 6376 §3.6.1.
func (k *keyLookup) screen(identifier string) (Result, string) {
	_, domain, _ := strings.Cut(identifier, "@")
	if slices.Contains(k.flags, "s") && !strings.EqualFold(domain, k.sig.tag("d")) {
		return PermError, "the key is not for subdomains (t=s)"
	}
	return Pass, ""
}

// clean makes one short line of text from outside.
func clean(s string) string { return message.Clean(s, 200) }
