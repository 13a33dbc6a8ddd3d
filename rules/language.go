package rules

import "strings"

// Language guesses the language that a mail is written in from its
// Content-Language (RFC 3282) and its text: "fr", "en", or "" when that is not
// clear. The header alone proves little, since programs write what they were
// installed with: the text must agree. A short text alone proves nothing.
func Language(header, text string) string {
	words := strings.FieldsFunc(strings.ToLower(limitText(text, 8<<10)), func(r rune) bool {
		return r != '\'' && r != '’' && (r < 'a' || r > 'z') && r < 0x80
	})
	count := map[string]int{}
	for _, w := range words {
		if _, after, ok := strings.Cut(strings.ReplaceAll(w, "’", "'"), "'"); ok && after != "" {
			w = after // l'adresse
		}
		if lang := tells[w]; lang != "" {
			count[lang]++
		}
	}
	said, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(header)), "-")
	for _, pair := range [][2]string{{"fr", "en"}, {"en", "fr"}} {
		own, other := count[pair[0]], count[pair[1]]
		if own >= 12 && other*6 <= own || said == pair[0] && own >= 4 && other*3 <= own {
			return pair[0]
		}
	}
	return ""
}

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
