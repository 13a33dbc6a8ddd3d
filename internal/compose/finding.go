package compose

import (
	"fmt"
	"strings"
)

// FindingKind is a reason of the outgoing guard.
type FindingKind string

// The kinds of finding.
const (
	FindSecret     FindingKind = "secret"     // an agent's address, a login, a note's or aside's text
	FindToken      FindingKind = "token"      // a token that does not belong to the reader
	FindBlock      FindingKind = "block"      // our own block could not be taken out
	FindCommand    FindingKind = "command"    // a command line could not be taken out
	FindEmpty      FindingKind = "empty"      // the new text is empty
	FindAttachment FindingKind = "attachment" // the new text promises one, and there is none
	FindEncrypted  FindingKind = "encrypted"  // cannot be looked into: encrypted or opaquely signed
	FindUnreadable FindingKind = "unreadable" // cannot be looked into: broken
	FindCrossed    FindingKind = "crossed"    // a colleague has answered since; found by the caller, What is the name
	FindWaiting    FindingKind = "waiting"    // a colleague's answer is held; found by the caller, What is the name
	FindSettled    FindingKind = "settled"    // a colleague has solved or closed the ticket since; found by the caller, What is the name
)

// Finding is one reason to hold a mail back.
type Finding struct {
	Kind  FindingKind
	What  string // what was found, at most 100 characters, no control characters
	Where string // "text", "html", "header Subject", "attachment plan.pdf", "mail"
}

func newFinding(kind FindingKind, what, where string) Finding {
	return Finding{kind, cutRunes(cleanLine(what), 99), cutRunes(cleanLine(where), 99)}
}

var findingWords = map[string]map[FindingKind]string{
	"fr": {
		FindSecret: "%s\u00a0: «\u00a0%s\u00a0» ne devrait pas sortir", FindToken: "%s\u00a0: une adresse interne y reste («\u00a0%s\u00a0»)",
		FindBlock:   "%s\u00a0: notre encadré n’a pas pu être retiré",
		FindCommand: "%s\u00a0: la commande «\u00a0%s\u00a0» partirait au client", FindEmpty: "le message ne contient aucun texte nouveau",
		FindAttachment: "le texte annonce une pièce jointe («\u00a0%[2]s\u00a0»), mais il n’y en a pas",
		FindEncrypted:  "%s\u00a0: chiffré ou signé d’une manière qui empêche de le relire",
		FindUnreadable: "%s\u00a0: illisible, nous ne pouvons pas le vérifier",
		FindCrossed:    "%[2]s a répondu au client entre-temps",
		FindWaiting:    "%[2]s a écrit aussi une réponse, qui attend son accord",
		FindSettled:    "%[2]s a terminé la demande entre-temps",
	},
	"en": {
		FindSecret: "%s: “%s” should not go out", FindToken: "%s: an internal address is left in it (“%s”)",
		FindBlock:   "%s: our block could not be taken out",
		FindCommand: "%s: the command “%s” would go to the customer", FindEmpty: "the message has no new text",
		FindAttachment: "the text speaks of an attachment (“%[2]s”), but there is none",
		FindEncrypted:  "%s: encrypted or signed in a way that keeps us from reading it",
		FindUnreadable: "%s: unreadable, so that we can’t check it",
		FindCrossed:    "%[2]s has answered the customer in the meantime",
		FindWaiting:    "%[2]s has written an answer too, which waits for a word",
		FindSettled:    "%[2]s has finished the ticket in the meantime",
	},
}

var whereWords = map[string][2]string{
	"text": {"texte", "text"}, "html": {"texte", "text"}, "mail": {"message", "message"},
	"attachment": {"pièce jointe", "attachment"}, "header": {"en-tête", "header"},
}

// Sentence says the finding to an agent, in the language lang.
func (f Finding) Sentence(lang string) string {
	w, ok := findingWords[lang]
	if !ok {
		w = findingWords["en"]
	}
	format := w[f.Kind]
	n := strings.Count(format, "%")
	switch {
	case format == "":
		return string(f.Kind) + ": " + f.What
	case n == 0:
		return format
	case n == 1 && !strings.Contains(format, "%["):
		return fmt.Sprintf(format, f.place(lang))
	}
	return fmt.Sprintf(strings.ReplaceAll(format, "%s", "%v"), f.place(lang), f.What)
}

// place is Where in words.
func (f Finding) place(lang string) string {
	head, tail, _ := strings.Cut(f.Where, " ")
	w, ok := whereWords[head]
	if !ok {
		return f.Where
	}
	word := w[1]
	if lang == "fr" {
		word = w[0]
	}
	if tail != "" {
		return word + " " + tail
	}
	return word
}
