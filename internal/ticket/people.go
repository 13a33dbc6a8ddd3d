package ticket

import (
	"strings"
	"unicode"

	"postdesk/internal/addr"
)

// Person is somebody named behind a command.
type Person struct {
	Sign    int          // 1 for "+", -1 for "-", 0 for none
	Mailbox addr.Mailbox // Address is zero when only a name was typed
	Typed   string       // the words as they stood
}

// maxPeople is how many people one command may name.
const maxPeople = 50

// ParsePeople reads who is named behind a command: "+a@x -b@y",
// `"Jean Dupont" <jean@x>`, names of colleagues, with blanks, commas or
// semicolons between them. A word that is no address is somebody of whom only
// the name is known. ok is false when there are more than 50, or an address that is none.
func ParsePeople(arg string) (people []Person, ok bool) {
	s := peopleScanner{rest: arg}
	for s.skip(); s.rest != ""; s.skip() {
		p, ok := s.person()
		if !ok {
			p, ok = s.word()
		}
		if !ok || len(people) == maxPeople {
			return people, false
		}
		people = append(people, p)
	}
	return people, len(people) > 0
}

// ParseAsk reads "expert@lab.example, b@y Subject of the question": the people
// first, and what follows them. ok is false when nobody is named, or more than
// 50 are.
func ParseAsk(arg string) (people []Person, subject string, ok bool) {
	s := peopleScanner{rest: arg}
	for s.skip(); s.rest != ""; s.skip() {
		s.bare = len(people) > 0 && !s.separated
		p, ok := s.person()
		if !ok {
			break
		}
		if len(people) == maxPeople {
			return people, "", false
		}
		people = append(people, p)
	}
	return people, typedSubject(s.rest), len(people) > 0
}

// typedSubject is a subject without the quotes and colons that people set around it.
func typedSubject(s string) string {
	s = strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`:"“”«»`, r) })
	return clip(s)
}

// peopleScanner reads one person after the other.
type peopleScanner struct {
	rest      string
	separated bool // a comma or semicolon was before it
	bare      bool // a name without quotes begins nobody: it may be a subject
}

// skip passes over what stands between two people.
func (s *peopleScanner) skip() {
	rest := strings.TrimLeftFunc(s.rest, isPeopleGap)
	s.separated = strings.ContainsAny(s.rest[:len(s.rest)-len(rest)], ",;")
	s.rest = rest
}

func isPeopleGap(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == ';' }

// person reads `+"Name" <a@x>`, `Name <a@x>`, `<a@x>` or `a@x`.
func (s *peopleScanner) person() (Person, bool) {
	sign, text := Sign(s.rest)
	name, text := leadingName(text, s.bare)
	typed, after, ok := leadingAddress(text)
	if !ok {
		return Person{}, false
	}
	a, err := addr.Parse(typed)
	if err != nil {
		return Person{}, false
	}
	p := Person{Sign: sign, Mailbox: addr.Mailbox{Name: name, Address: a}, Typed: typed}
	s.rest = after
	return p, true
}

// word takes what is no address as a name: up to the next gap.
func (s *peopleScanner) word() (Person, bool) {
	end := strings.IndexFunc(s.rest, isPeopleGap)
	if end < 0 {
		end = len(s.rest)
	}
	sign, name := Sign(s.rest[:end])
	if name == "" || strings.ContainsAny(name, "@<>\"") {
		return Person{}, false
	}
	s.rest = s.rest[end:]
	return Person{Sign: sign, Mailbox: addr.Mailbox{Name: name}, Typed: name}, true
}

// maxNameWords is how many words without quotes are taken as a name before an
// address in brackets.
const maxNameWords = 5

// leadingName reads the name before an address in brackets, "" when there is
// none. bare asks for quotes.
func leadingName(text string, bare bool) (name, rest string) {
	if quoted, after, ok := quotedName(text); ok {
		return quoted, after
	}
	before, _, ok := strings.Cut(text, "<")
	if !ok || bare || strings.ContainsAny(before, ",;@\"") || len(strings.Fields(before)) > maxNameWords {
		return "", text
	}
	return strings.Join(strings.Fields(before), " "), text[len(before):]
}

// quoteEnds are the quotes that clients make of a straight one.
var quoteEnds = map[rune]string{'"': `"”`, '“': `”"`, '«': "»", '\'': "'’", '‘': "’'"}

// quotedName reads `"Jean Dupont" ` before an address in brackets.
func quotedName(text string) (name, rest string, ok bool) {
	for open, ends := range quoteEnds {
		after, found := strings.CutPrefix(text, string(open))
		if !found {
			continue
		}
		i := strings.IndexAny(after, ends)
		if i < 0 {
			return "", text, false
		}
		rest = after[i:]
		rest = strings.TrimLeftFunc(strings.TrimLeft(rest, ends), unicode.IsSpace)
		return strings.TrimSpace(after[:i]), rest, strings.HasPrefix(rest, "<")
	}
	return "", text, false
}

// leadingAddress reads `<a@x>` or a bare address, and passes over the link that
// a client wrote behind it ("a@x<mailto:a@x>").
func leadingAddress(text string) (a, rest string, ok bool) {
	if inner, found := strings.CutPrefix(text, "<"); found {
		a, rest, ok = strings.Cut(inner, ">")
		a = strings.TrimPrefix(strings.TrimSpace(a), "mailto:")
		return a, rest, ok && strings.Contains(a, "@")
	}
	end := strings.IndexFunc(text, func(r rune) bool { return isPeopleGap(r) || r == '<' })
	if end < 0 {
		end = len(text)
	}
	a, rest = strings.TrimRight(text[:end], ".:"), text[end:]
	if strings.HasPrefix(strings.TrimLeft(rest, " "), "<mailto:") {
		_, rest, _ = strings.Cut(rest, ">")
	}
	return a, rest, strings.Contains(a, "@")
}
