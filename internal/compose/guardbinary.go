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
// Nothing is unpacked: a compressed document is not looked into.
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

func (g *guard) chunkText(b []byte, where string) {
	lower := asciiLower(b)
	for domain, locals := range g.domains {
		want := []byte("@" + domain)
		for pos := 0; ; {
			i := bytes.Index(lower[pos:], want)
			if i < 0 {
				break
			}
			at := pos + i
			pos = at + 1
			for local, secret := range locals {
				if bytes.HasSuffix(lower[:at], []byte(local)) && binaryBegins(lower, at-len(local)) {
					g.find(FindSecret, secret, where)
				}
			}
		}
	}
}

func binaryBegins(b []byte, i int) bool {
	return i == 0 || !isAlnum(b[i-1]) && strings.IndexByte("._+-", b[i-1]) < 0
}

func asciiLower(b []byte) []byte {
	out := make([]byte, len(b))
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		out[i] = c
	}
	return out
}
