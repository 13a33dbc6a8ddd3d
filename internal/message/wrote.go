package message

import (
	"strings"
	"unicode/utf8"
)

// wroteVerbs is the verb of an attribution line, by its first letter. "m'a écrit" and
// "avez écrit" are sentences of a person, not of a program.
var wroteVerbs = func() map[rune][]string {
	verbs := map[rune][]string{}
	for _, v := range strings.Split("wrote|writes|a écrit|a ecrit|schrieb|schrieben|escribió|escreveu|ha scritto|"+
		"schreef|skrev|napisał|napisała|napisał(a)|pisze|написал|написала|написав|пишет|пише|"+
		"kirjoitti|napsal|napsala|napsal(a)|napísal|napísala|napísal(a)|a scris|írta|έγραψε|şunu yazdı|je napisao|je napisala|va escriure", "|") {
		first, _ := utf8.DecodeRuneInString(v)
		verbs[first] = append(verbs[first], v)
	}
	return verbs
}()

// wroteInside are those that need no space around them.
var wroteInside = []string{"写道", "寫道", "のメッセージ", "書きました", "작성"}

// saysWrote tells whether a line has the verb of an attribution. Only what follows
// white space or a closing mark is looked at, and its first letter first.
func saysWrote(s string) bool {
	ascii, heeft := true, false
	for i, r := range s {
		ascii = ascii && r < utf8.RuneSelf
		if !verbMayBegin(s[:i]) {
			continue
		}
		if verbBegins(s[i:], r) {
			return true
		}
		if !heeft && (r == 'h' || r == 'H') {
			if rest, ok := cutWord(s[i:], "heeft "); ok {
				if heeft = true; saysGeschreven(rest) { // what the first does not find, no other will
					return true
				}
			}
		}
	}
	if !ascii {
		for _, v := range wroteInside {
			if strings.Contains(s, v) {
				return true
			}
		}
	}
	return false
}

// verbMayBegin tells whether a verb may follow what stands before.
func verbMayBegin(before string) bool {
	if before == "" {
		return true
	}
	switch c := before[len(before)-1]; {
	case c == ')' || c == '>' || c == '"' || c == ',' || isWhite(c):
		return true
	case c < utf8.RuneSelf:
		return false
	}
	r, _ := utf8.DecodeLastRuneInString(before)
	return r == '“' || r == '”' || r == '»'
}

// verbBegins tells whether s, whose first letter is r, begins with one of the verbs.
func verbBegins(s string, r rune) bool {
	if r >= utf8.RuneSelf {
		return verbBeginsFolded(s, r)
	}
	if 'A' <= r && r <= 'Z' {
		r |= 0x20
	}
	switch r {
	case 'w', 'a', 's', 'e', 'h', 'n', 'p', 'k', 'j', 'v':
		return anyVerb(s, wroteVerbs[r])
	}
	return false
}

// verbBeginsFolded is for letters whose lower case is not told by a bit.
func verbBeginsFolded(s string, r rune) bool {
	for first, verbs := range wroteVerbs {
		if sameLetter(r, first) && anyVerb(s, verbs) {
			return true
		}
	}
	return false
}

func anyVerb(s string, verbs []string) bool {
	for _, v := range verbs {
		if rest, ok := cutWord(s, v); ok && verbEnds(rest) {
			return true
		}
	}
	return false
}

// verbEnds tells whether the verb ends where rest begins.
func verbEnds(rest string) bool {
	return rest == "" || isWhite(rest[0]) || rest[0] == ',' || rest[0] == ':' || strings.HasPrefix(rest, "：")
}

// saysGeschreven looks for the other end of "heeft … geschreven".
func saysGeschreven(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i]|0x20 == 'g' {
			if rest, ok := cutWord(s[i:], "geschreven"); ok && verbEnds(rest) {
				return true
			}
		}
	}
	return false
}

var (
	pronouns   = []string{"you", "i", "we", "they", "he", "she", "vous", "nous", "on", "il", "elle", "je", "ich", "er", "sie", "wir", "du"}
	wroteByYou = []string{"wrote", "a écrit", "avez écrit", "schrieb", "schrieben"}
)

// saysYouWrote is true for the verb with a pronoun: only a quote after it proves it.
func saysYouWrote(s string) bool {
	for i := range len(s) {
		if !wordEdge(s, i) {
			continue
		}
		for _, p := range pronouns {
			rest, ok := cutWord(s[i:], p)
			if !ok {
				continue
			}
			if rest, ok = cutSpaces(rest); ok && beginsWithVerb(s, len(s)-len(rest)) {
				return true
			}
		}
	}
	return false
}

// beginsWithVerb looks at what follows a pronoun.
func beginsWithVerb(s string, at int) bool {
	for _, v := range wroteByYou {
		if rest, ok := cutWord(s[at:], v); ok && wordEdge(s, len(s)-len(rest)) {
			return true
		}
	}
	return false
}
