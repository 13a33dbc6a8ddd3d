package compose

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"regexp"
	"strconv"
	"strings"
)

// The block of an agent's copy stands between two marks, so that it can be found
// again in a reply: "[== postdesk 10000 k7q2ma ==]" and the same with a slash. They
// are ASCII (a client may answer in any charset), short (wrapping seldom cuts
// them) and text (clients drop classes, ids and comments). The six letters are a
// MAC of the number: nobody else can write a mark and have text taken out of an
// agent's reply. They are never shown to a customer.
const maxBlock = 32 << 10 // bytes of text between two marks

// markPattern allows for what clients do to a mark: quote it, wrap it, change
// its spaces.
var markPattern = regexp.MustCompile(`(?i)\[[\s\x{a0}>|]*=[\s\x{a0}>|]*=[\s\x{a0}>|]*(/?)[\s\x{a0}>|]*postdesk[\s\x{a0}>|]+(\d{1,19})[\s\x{a0}>|]+([a-z2-7]{6})[\s\x{a0}>|]*=[\s\x{a0}>|]*=[\s\x{a0}>|]*\]`)

var markEncoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// markCode is the MAC of a ticket's number under one key.
func markCode(key []byte, number uint64) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("block " + strconv.FormatUint(number, 10)))
	return strings.ToLower(markEncoding.EncodeToString(h.Sum(nil))[:6])
}

func (c *Composer) marks(number uint64) (begin, end string) {
	id := strconv.FormatUint(number, 10) + " " + markCode(c.keys[0], number)
	return "[== postdesk " + id + " ==]", "[== /postdesk " + id + " ==]"
}

// blockMark is a verified mark found in a text.
type blockMark struct {
	start, end int
	closing    bool
	number     uint64
}

// findMarks returns the marks of ours in s, in order.
func (c *Composer) findMarks(s string) []blockMark {
	if !strings.Contains(s, "[") {
		return nil
	}
	var out []blockMark
	for _, m := range markPattern.FindAllStringSubmatchIndex(s, -1) {
		n, err := strconv.ParseUint(s[m[4]:m[5]], 10, 64)
		if err == nil && c.isMark(n, strings.ToLower(s[m[6]:m[7]])) {
			out = append(out, blockMark{start: m[0], end: m[1], closing: m[2] < m[3], number: n})
		}
	}
	return out
}

func (c *Composer) isMark(number uint64, code string) bool {
	for _, key := range c.keys {
		if hmac.Equal([]byte(markCode(key, number)), []byte(code)) {
			return true
		}
	}
	return false
}

// blockSpans pairs each closing mark with the nearest opening one of the same ticket
// before it. A mark without its other half is left: the guard finds it.
func (c *Composer) blockSpans(s string) []edit {
	var out []edit
	var open []blockMark
	for _, m := range c.findMarks(s) {
		if !m.closing {
			open = append(open, m)
			continue
		}
		if len(open) == 0 {
			continue
		}
		b := open[len(open)-1]
		open = open[:len(open)-1]
		if b.number == m.number && m.end-b.start <= maxBlock {
			out = append(out, edit{start: b.start, end: m.end})
		}
	}
	return out
}
