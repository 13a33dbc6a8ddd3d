package compose

import (
	"bytes"
	"io"
	"strings"

	"postdesk/internal/message"
)

const (
	binaryChunk   = 64 << 10
	binaryOverlap = 512 // no address is longer, in UTF-16
)

// binary searches an attachment's decoded bytes for addresses, in UTF-8 and in UTF-16.
// Nothing is unpacked here: see open.
func (g *guard) binary(p *message.Part) error {
	if len(g.domains) == 0 {
		return nil
	}
	where := "attachment " + p.FileName()
	if p.FileName() == "" {
		where = partName(p)
	}
	r := p.Decode()
	buf := make([]byte, binaryOverlap+binaryChunk)
	kept := 0
	for {
		n, err := io.ReadFull(r, buf[kept:])
		g.chunk(buf[:kept+n], where)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		}
		if err != nil {
			return err
		}
		kept = copy(buf, buf[kept+n-binaryOverlap:kept+n])
	}
}

// chunk searches bytes; the text is built only where an "@" makes it worth while.
func (g *guard) chunk(b []byte, where string) {
	if bytes.IndexByte(b, '@') < 0 {
		return
	}
	g.chunkText(b, where)
	if bytes.Contains(b, []byte("@\x00")) || bytes.Contains(b, []byte("\x00@")) {
		g.chunkText(bytes.ReplaceAll(b, []byte{0}, nil), where)
	}
}

// chunkText compares what stands around each "@": few bytes of a file do.
func (g *guard) chunkText(b []byte, where string) {
	for at := bytes.IndexByte(b, '@'); at >= 0; {
		for domain, locals := range g.domains {
			if hasPrefixFold(b[at+1:], domain) {
				g.locals(b[:at], locals, where)
			}
		}
		next := bytes.IndexByte(b[at+1:], '@')
		if next < 0 {
			return
		}
		at += 1 + next
	}
}

// locals searches what stands before an "@" with a domain of ours.
func (g *guard) locals(before []byte, locals map[string]string, where string) {
	for local, secret := range locals {
		start := len(before) - len(local)
		if start >= 0 && hasPrefixFold(before[start:], local) && binaryBegins(before, start) {
			g.find(FindSecret, secret, where)
		}
	}
}

// hasPrefixFold is bytes.HasPrefix without regard to the case of ASCII letters in b.
func hasPrefixFold(b []byte, lower string) bool {
	if len(b) < len(lower) {
		return false
	}
	for i := range len(lower) {
		c := b[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func binaryBegins(b []byte, i int) bool {
	return i == 0 || !isAlnum(b[i-1]) && strings.IndexByte("._+-", b[i-1]) < 0
}
