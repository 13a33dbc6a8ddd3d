package addr

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"strings"
)

// Kind says what a token is for: where it stands and what it permits. A token
// of one kind is never accepted as another.
type Kind byte

// The kinds of token. The numbers are part of what is in people's mailboxes:
// never reuse one. They stay below 64.
const (
	KindDesk        Kind = 1 // an agent's permanent desk address; Person is the agent
	KindTicket      Kind = 2 // reply address of an agent's copy of a ticket; Person is the agent
	KindNote        Kind = 3 // as KindTicket, on the copy of a note: a reply is a note
	KindHold        Kind = 4 // reply address of a notice about a held mail; Item is the held mail, Person the agent
	KindBounce      Kind = 5 // envelope sender; Item is the outgoing mail of the ticket, Person whom it went to
	KindMessage     Kind = 6 // Message-ID; Item is the outgoing mail of the ticket, Person whom it went to
	KindThread      Kind = 7 // first id in References; Person whom it went to
	KindLoop        Kind = 8 // X-Postdesk-Loop
	KindParticipant Kind = 9 // reply address of an expert, approver or observer without account; Item is the thread
)

// Token is what a minted mark is bound to: ticket, item (a thread, an outgoing
// mail or a held mail, by kind), person and, by kind, direction.
type Token struct {
	Kind   Kind
	Ticket uint64
	Item   uint64
	Person Person
}

// Person is an agent's registered number or a participant's number within the
// ticket. The zero Person is nobody.
type Person struct {
	Agent bool
	N     uint64
}

// MaxTokenLen is the length of the longest token for tickets and items below
// 2^28 and persons below 2^21; larger ones still work, but the address may
// become longer than 64 octets before the @. Without a token domain a team's
// local part must leave room for "+t" and a token: at most MaxTeamLocal octets.
const (
	MaxTokenLen  = ((2+4+4+3+macSize)*8 + 4) / 5 // 37
	MaxTeamLocal = maxLocal - len(tokenExt) - MaxTokenLen
)

const (
	macSize   = 10 // 80 bits
	agentBit  = 0x40
	kindMask  = 0x3f
	tokenMark = "t"  // what a token starts with where it is a name of its own
	tokenExt  = "+t" // and where it is an extension of a team's address

	// tokenDomainSeparation keeps these codes apart from whatever else may one
	// day be made with the same key.
	tokenDomainSeparation = "postdesk token 1\x00"
)

// tokenEncoding is base32 in lower case without padding, RFC 4648 §6.
var tokenEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Mint makes the token's text: lower-case base32 that starts with a letter, 23
// to 28 characters for usual numbers, at most MaxTokenLen for all that are not
// absurd. The same token under the same key is the same text.
func (r *KeyRing) Mint(t Token) string {
	return mintWith(&r.keys[0], t)
}

// mintWith writes kind, key id, numbers and the truncated HMAC-SHA256 (RFC
// 2104 §5) over them. The kind's byte is below 128, which makes the first
// character a letter.
func mintWith(k *ringKey, t Token) string {
	kind := byte(t.Kind) & kindMask
	if t.Person.Agent {
		kind |= agentBit
	}
	b := make([]byte, 0, 48)
	b = append(b, kind, k.id)
	b = binary.AppendUvarint(b, t.Ticket)
	b = binary.AppendUvarint(b, t.Item)
	b = binary.AppendUvarint(b, t.Person.N)
	m := hmac.New(sha256.New, k.secret)
	m.Write([]byte(tokenDomainSeparation))
	m.Write(b)
	b = append(b, m.Sum(nil)[:macSize]...)
	return tokenEncoding.EncodeToString(b)
}

// Verify reads a token's text, without regard to case, and checks it with the
// key that it names. The caller checks that the kind is one that may stand
// where the text stood. There is one text for each token and key: it is minted
// anew and compared in constant time, so neither spare bits nor long forms of
// numbers pass.
func (r *KeyRing) Verify(s string) (Token, bool) {
	s = lowerASCII(s)
	if !looksLikeToken(s) {
		return Token{}, false
	}
	raw, err := tokenEncoding.DecodeString(s)
	if err != nil {
		return Token{}, false
	}
	t, id, ok := parseToken(raw)
	if !ok {
		return Token{}, false
	}
	k := r.find(id)
	if k == nil || subtle.ConstantTimeCompare([]byte(mintWith(k, t)), []byte(s)) != 1 {
		return Token{}, false
	}
	return t, true
}

// parseToken reads what is before the code.
func parseToken(raw []byte) (t Token, keyID byte, ok bool) {
	if len(raw) < 2+3+macSize {
		return Token{}, 0, false
	}
	b := raw[:len(raw)-macSize]
	t.Kind = Kind(b[0] & kindMask)
	t.Person.Agent = b[0]&agentBit != 0
	keyID = b[1]
	b = b[2:]
	for _, p := range []*uint64{&t.Ticket, &t.Item, &t.Person.N} {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return Token{}, 0, false
		}
		*p, b = v, b[n:]
	}
	return t, keyID, len(b) == 0
}

// Bounds of a token's text: three numbers of one byte, and of ten.
const (
	minTokenText = (2 + 3 + macSize) * 8 / 5
	maxTokenText = ((2+30+macSize)*8 + 4) / 5
)

// looksLikeToken checks length and alphabet only; s is in lower case.
func looksLikeToken(s string) bool {
	if len(s) < minTokenText || len(s) > maxTokenText || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !('a' <= c && c <= 'z' || '2' <= c && c <= '7') {
			return false
		}
	}
	return true
}

// TokenAddress is the address that bears a token: an extension of the team's
// (relationclient+t…@example.com), or, where there is a token domain, a name of
// its own in it (t…@desk.example.com).
func TokenAddress(team Address, tokenDomain, tok string) Address {
	if tokenDomain != "" {
		return Address{Local: tokenMark + tok, Domain: lowerASCII(tokenDomain)}
	}
	return Address{Local: team.Local + tokenExt + tok, Domain: team.Domain}
}

// FindToken extracts what looks like a token from an address that TokenAddress
// may have made, with or without the token domain that is now in force. Only
// Verify says whether it is one.
func FindToken(a Address, tokenDomain string) (tok string, ok bool) {
	_, tok, ok = SplitToken(a, tokenDomain)
	return tok, ok
}

// SplitToken is FindToken that also returns the team's address before the
// token; it is zero for an address in the token domain.
func SplitToken(a Address, tokenDomain string) (team Address, tok string, ok bool) {
	local := lowerASCII(a.Local)
	if tokenDomain != "" && strings.EqualFold(a.Domain, tokenDomain) {
		tok, found := strings.CutPrefix(local, tokenMark)
		return Address{}, tok, found && looksLikeToken(tok)
	}
	i := strings.LastIndex(local, tokenExt)
	if i <= 0 || !looksLikeToken(local[i+len(tokenExt):]) {
		return Address{}, "", false
	}
	return Address{Local: a.Local[:i], Domain: a.Domain}, local[i+len(tokenExt):], true
}

// MessageID makes a Message-ID with its angle brackets (RFC 5322 §3.6.4) that
// bears a token. unique tells apart the mails of one token (letters, digits,
// hyphens; may be empty), as for a thread id that is always the same.
func MessageID(tok, unique, domain string) string {
	if unique != "" {
		unique = "." + unique
	}
	return "<" + tokenMark + tok + unique + "@" + domain + ">"
}

// TokenOfMessageID extracts what looks like a token from a Message-ID, with or
// without angle brackets, also after its case was changed. Only Verify says
// whether it is one.
func TokenOfMessageID(id string) (tok string, ok bool) {
	id = strings.TrimPrefix(strings.TrimSpace(id), "<")
	left, _, ok := strings.Cut(id, "@")
	if !ok {
		return "", false
	}
	left, _, _ = strings.Cut(lowerASCII(left), ".")
	tok, ok = strings.CutPrefix(left, tokenMark)
	return tok, ok && looksLikeToken(tok)
}
