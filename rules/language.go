package rules

import (
	"strings"
	"unicode/utf8"
)

// Language guesses the language that a mail is written in from its
// Content-Language (RFC 3282) and its text: "fr", "en", or "" when that is not
// clear. The header alone proves little, since programs write what they were
// installed with: the text must agree. A short text alone proves nothing.
func Language(header, text string) string {
	french, english := 0, 0
	for text = strings.ToLower(limitText(text, 8<<10)); text != ""; {
		var word string
		word, text = cutWord(text)
		switch tells[word] {
		case "fr":
			french++
		case "en":
			english++
		}
	}
	said, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(header)), "-")
	for _, lang := range []struct {
		name       string
		own, other int
	}{{"fr", french, english}, {"en", english, french}} {
		if lang.own >= 12 && lang.other*6 <= lang.own || said == lang.name && lang.own >= 4 && lang.other*3 <= lang.own {
			return lang.name
		}
	}
	return ""
}

// cutWord cuts a word off the beginning of a text in lower case, and what separates it from the next. Of l'adresse
// it is what follows the apostrophe.
func cutWord(text string) (word, rest string) {
	begin, end := 0, 0
	for ; end < len(text) && inWord(text[end]); end++ {
		switch {
		case begin > 0:
		case text[end] == '\'':
			begin = end + 1
		case strings.HasPrefix(text[end:], "’"):
			begin = end + len("’")
		}
	}
	return text[begin:end], text[min(end+1, len(text)):]
}

// inWord takes what is not ASCII for letters.
func inWord(c byte) bool { return c >= 'a' && c <= 'z' || c == '\'' || c >= utf8.RuneSelf }

// frenchWords and englishWords are in nearly every letter of one language and in
// none of the other.
const (
	frenchWords = " je j vous nous est les des une le la du dans avec que qui pas mon ma mes votre vos notre bonjour merci cordialement" +
		" pour et en il elle sur ce cette au aux plus suis avez ne mais sont sans chez très été "
	englishWords = " the and you your is are was with this that have has please my we not hello dear thanks thank regards for of to it" +
		" from would could been which there does what when how can should any help about because "
)

// tells is the language that each of those words tells of.
var tells = func() map[string]string {
	m := map[string]string{}
	for lang, words := range map[string]string{"fr": frenchWords, "en": englishWords} {
		for _, w := range strings.Fields(words) {
			m[w] = lang
		}
	}
	return m
}()
