package rules

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Decision is what an approver's answer decides.
type Decision string

// The decisions. In doubt it is Unclear, and the approver is asked again: a wrong yes costs
// more than a second mail.
const (
	Approved Decision = "yes"
	Refused  Decision = "no"
	Unclear  Decision = ""
)

// maxDecision is how much of an answer is looked at, in bytes.
const maxDecision = 2000

// Decide reads an approver's new text (without quote and signature): the first
// line decides, in French or English, a greeting before it set aside. "Oui",
// "OK pour moi", "Accepté, merci" decide; "oui mais", "no problem", "ok, je regarde", a
// question or a line with a number in it do not, nor does a yes whose next line
// takes some of it back.
func Decide(text string) Decision {
	lines := decisionLines(text)
	if len(lines) == 0 {
		return Unclear
	}
	said := decideLine(lines[0])
	if said != Unclear && len(lines) > 1 && takesBack(words(harmless.Replace(lines[1]))) {
		return Unclear
	}
	return said
}

// decisionLines are the lines that are not blank, folded, without a greeting: at
// most two, since no more decide.
func decisionLines(text string) []string {
	if len(text) > maxDecision {
		text = text[:maxDecision]
	}
	var list []string
	for line := range strings.Lines(text) {
		line = foldAnswer(line)
		if len(list) == 0 {
			line = withoutGreeting(line)
		}
		if line != "" {
			list = append(list, line)
		}
		if len(list) == 2 {
			break
		}
	}
	return list
}

// foldAnswer is a line in lower case, without accents and the marks that
// programs set, with one form of apostrophe and single spaces.
func foldAnswer(line string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(line)) {
		switch {
		case r == '\u2019' || r == '\u2018' || r == '\u02bc' || r == '`':
			b.WriteByte('\'')
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case unicode.In(r, unicode.Mn, unicode.Cf, unicode.Cc, unicode.Sk):
		default:
			b.WriteRune(r)
		}
	}
	return strings.Trim(strings.Join(strings.Fields(b.String()), " "), `"*_«»“” `)
}

// greetings begin an answer that decides only after them.
var greetings = wordSet(`bonjour bonsoir salut coucou hello hi hey dear cher chere madame monsieur mesdames messieurs good`)

// maxGreeting is how many words a greeting has.
const maxGreeting = 5

// withoutGreeting cuts "Bonjour Anne," off: up to the comma, or the whole line
// when it is no more than that.
func withoutGreeting(line string) string {
	end := strings.IndexAny(line, ",!.:")
	head := line
	if end >= 0 {
		head = line[:end]
	}
	list := words(head)
	if len(list) == 0 || !greetings[list[0]] || len(list) > maxGreeting {
		return line
	}
	if end < 0 {
		return ""
	}
	return strings.TrimSpace(strings.TrimLeft(line[end:], ",!.: "))
}

// words are the words of a folded line: letters and apostrophes.
func words(line string) []string {
	return strings.FieldsFunc(line, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' })
}

func wordSet(list string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(list) {
		set[w] = true
	}
	return set
}

func phraseSet(list string) map[string]bool {
	set := map[string]bool{}
	for _, p := range strings.Split(list, ",") {
		set[foldAnswer(p)] = true
	}
	return set
}

// The answers, folded. The strong ones may be followed by a sentence; the weak
// ones are said of much else too, and must stand alone or with what says nothing more.
var (
	strongYes = phraseSet(`oui, yes, accepte, acceptee, accordé, accorde, accordee, approuve, approuvee, valide, validee, approved, accepted, granted, agreed, confirme,
		confirmed, bon pour accord, accord donne, j'accepte, j'approuve, je valide, j'autorise, autorise, autorisee, i approve, i accept, i agree, approval granted, authorized, authorised, feu vert,
		oui oui, yes yes, mais oui, oui bien sur, bien sur, oui d'accord, oui tout a fait, tout a fait, yes of course, of course, yes please, favorable, avis favorable, approve, i confirm, je confirme, je suis d'accord`)
	weakYes = phraseSet(`ok, okay, d'accord, daccord, entendu, go, go ahead, c'est bon, c'est d'accord, c'est ok, ca marche, parfait, fine, sure, absolutely, absolument, yep, yup, ouais,
		vas y, allez y, vas-y, allez-y, ok go, ok pour moi, d'accord pour moi, bon pour moi, c'est bon pour moi, ok for me, fine with me, fine by me, fine for me, 👍, ✅, accord, please do, please proceed, proceed, certainly`)
	strongNo = phraseSet(`non, no, refuse, refusee, refus, je refuse, rejete, rejetee, je rejette, refused, rejected, denied, declined, not approved, not accepted, not agreed, pas d'accord,
		je ne suis pas d'accord, pas accepte, pas approuve, pas accorde, pas valide, non valide, non approuve, i refuse, i decline, i disagree, i do not approve, i don't approve, i do not agree, i don't agree, disapproved, desapprouve, je n'approuve pas,
		je n'accepte pas, je ne valide pas, defavorable, avis defavorable, certainly not, absolutely not, certainement pas, surement pas, hors de question, reject, decline, nope, 👎, ❌, je n'autorise pas`)
)

// courtesies may follow any answer without changing it.
var courtesies = wordSet(`merci beaucoup bien sur pour moi thanks thank you many a vous please svp stp s'il plait te cordialement amicalement regards best kind sincerely
	of course tout fait evidemment cheers bonne journee bon week end have nice day go ahead allez y vas vous pouvez y tu peux aller c'est it's fine good parfait perfect great super with me by
	je suis d'accord i agree approved accepte accorde valide approuve ok`)

// objects may follow a strong answer: "I approve this request".
var objects = wordSet(`this it that the request la le cette ce cela votre demande proposition proposal`)

// harmless says yes by denying something.
var harmless = strings.NewReplacer("pas de probleme", "", "pas de problemes", "", "pas de souci", "", "pas de soucis", "", "aucun probleme", "", "aucun souci", "", "sans probleme", "",
	"sans souci", "", "sans reserve", "", "pas d'objection", "", "aucune objection", "", "no problem", "", "no objection", "", "no worries", "", "avec plaisir", "", "with pleasure", "", "no doubt", "", "sans hesiter", "")

// doubts in what follows make an answer unclear: it is conditional, put off, or
// takes back what was said.
var doubts = wordSet(`mais but sauf si if except unless condition conditions reserve provided however cependant toutefois seulement only uniquement limite jusqu'a maximum max minimum
	pas not ne n'est never jamais peut peut-etre maybe perhaps probably probablement plutot rather presque almost partiellement partially partie part
	regarde regarder regarderai verrai verrons vois voir verifie verifier check look looking later tard demain tomorrow lundi monday reponds repondrai reviens reviendrai back soon bientot attends attendre attendez wait
	question questions demande ask pourquoi why combien how quand when quel quelle which what mieux better apres after avant before d'abord first encore yet pense think reflechir reflechis discuter discuss parler talk appel appelle appelez call
	lu recu received noted note read hold stop annule annuler cancel
	long des lorsque moins tant pourvu moitie half assuming once until hauteur partir avec with sans without`)

// against are words of the other answer.
var against = map[Decision]map[string]bool{
	Approved: wordSet(`non no refuse refus rejete rejected denied declined nope 👎 ❌ not pas desaccord disagree contre against`),
	Refused: wordSet(`oui yes ok okay accord accepte accorde approuve valide approved accepted probleme problem worries souci objection doubt idea doute bon fine good go agree agreed
		d'accord 👍 ✅ sure sur parfait`),
}

// maxAfter is how many words may follow a strong answer: a longer sentence has
// room for a condition that no list knows.
const maxAfter = 10

// decideLine reads one folded line.
func decideLine(line string) Decision {
	if strings.ContainsFunc(line, unicode.IsDigit) || strings.ContainsAny(line, "?/") {
		return Unclear
	}
	first, rest := firstClause(line)
	if said, strong := decideWords(first); said != Unclear && follows(said, strong, words(rest), rest) {
		return said
	}
	return decidePolite(line)
}

// decideWords reads an answer that stands alone.
func decideWords(s string) (said Decision, strong bool) {
	switch {
	case strongNo[s]:
		return Refused, true
	case strongYes[s]:
		return Approved, true
	case weakYes[s]:
		return Approved, false
	}
	return Unclear, false
}

// follows says whether what comes behind an answer lets it stand.
func follows(said Decision, strong bool, list []string, text string) bool {
	if said == Approved {
		list = words(harmless.Replace(text))
	}
	switch {
	case len(list) == 0:
		return true
	case anyOf(list, against[said]):
		return false
	case !strong:
		return allOf(list, courtesies)
	}
	return len(list) <= maxAfter && !anyOf(list, doubts)
}

// decidePolite is for an answer and courtesies without a comma between them:
// "oui merci", "no thanks", "I approve this request". Any other word makes it unclear.
func decidePolite(line string) Decision {
	list := strings.Fields(harmless.Replace(line))
	for n := min(len(list), maxAfter); n > 0; n-- {
		said, strong := decideWords(strings.TrimRight(strings.Join(list[:n], " "), ".,;:!"))
		after := words(strings.Join(list[n:], " "))
		if said == Unclear || said == Refused && len(list) != len(strings.Fields(line)) {
			continue
		}
		if anyOf(after, against[said]) || slices.ContainsFunc(after, func(w string) bool { return !courtesies[w] && !(strong && objects[w]) }) {
			return Unclear
		}
		return said
	}
	return Unclear
}

// firstClause is what stands before the first comma, stop or dash, and the rest.
func firstClause(line string) (first, rest string) {
	i := strings.IndexAny(line, ".,;:!()–—…")
	if j := strings.Index(line, " - "); j >= 0 && (i < 0 || j < i) {
		i = j
	}
	if i < 0 {
		return line, ""
	}
	first = strings.TrimSpace(line[:i])
	return first, strings.TrimSpace(strings.TrimLeft(line[i:], ".,;:!()–—…- "))
}

// takesBack: the next line begins as someone does who goes on with "but".
func takesBack(list []string) bool {
	return len(list) > 0 && (doubts[list[0]] || len(list) > 1 && (list[0] == "a" || list[0] == "sous" || list[0] == "en") && doubts[list[1]])
}

func anyOf(list []string, set map[string]bool) bool {
	return slices.ContainsFunc(list, func(w string) bool { return set[w] })
}

func allOf(list []string, set map[string]bool) bool {
	return !slices.ContainsFunc(list, func(w string) bool { return !set[w] })
}
