package rules

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"postdesk/internal/addr"
)

// The conditions of the acknowledgement table that look at addresses and at the
// subject.

// ownSender says that one of our generic, alias, token or bounce addresses is
// the sender. A web form may write from one of them, if the admin says so.
func ownSender(f *AckFacts) bool {
	if f.Form {
		return false
	}
	return f.own(f.EnvelopeFrom) || slices.ContainsFunc(f.From, f.own)
}

// ownTarget says that an acknowledgement would come back to us.
func ownTarget(f *AckFacts) bool {
	return f.own(f.Target) || slices.ContainsFunc(f.ReplyTo, f.own)
}

func (f *AckFacts) own(a addr.Address) bool {
	return f.Own != nil && !a.IsZero() && f.Own(a)
}

// unbacked is the guard against backscatter, RFC 3834 §2 and §7.
func unbacked(f *AckFacts) bool { return !f.Backed && !f.KnownTwoWay }

// notAligned says that a forger could choose whom the acknowledgement hits: the
// envelope sender is another than the author, and nothing vouches for it.
func notAligned(f *AckFacts) bool {
	if f.EnvelopeAligned || len(f.From) == 0 {
		return false // no author: the next line
	}
	return !f.EnvelopeFrom.Equal(f.From[0])
}

// malformed says that there is not exactly one author and one address to answer
// to, RFC 5322 §3.6.2, RFC 3834 §4.
func malformed(f *AckFacts) bool {
	if len(f.From) != 1 || f.NoReturnPath || f.Target.Local == "" || f.Target.Domain == "" {
		return true
	}
	return !f.SMTPUTF8 && !f.Target.IsASCII()
}

// systemNames are local parts that no person reads.
var systemNames = map[string]bool{
	"mailer-daemon": true, "postmaster": true, "root": true, "daemon": true, "abuse": true,
	"listserv": true, "majordomo": true, "sympa": true, "mailman": true,
	"autoresponder": true, "bounce": true, "bounces": true,
}

// noReply matches no-reply and its kin with what people put around it, as whole
// words: "notifications-noreply" and "noreply2", never "norbert.playe".
var noReply = regexp.MustCompile(`^(?:.+[-_.])?(?:no|do[-_.]?not|ne[-_.]?pas)[-_.]?(?:reply|repondre|répondre)(?:[0-9]+|[-_.].*)?$`)

// SystemSender says whether a local part is a program's: RFC 3834 §2 and what
// others have learned since. There are no matches in the middle of a word.
func SystemSender(local string) bool {
	local = strings.ToLower(norm.NFC.String(local))
	if base, _, tagged := strings.Cut(local, "+"); tagged {
		local = base
	}
	switch {
	case systemNames[local]:
		return true
	case strings.HasPrefix(local, "owner-"):
		return true
	case strings.HasSuffix(local, "-owner"), strings.HasSuffix(local, "-request"), strings.HasSuffix(local, "-bounces"):
		return true
	}
	return noReply.MatchString(local)
}

// autoSubjects are how automatic answers and bounces begin, without regard to
// case, accents and the kind of spaces and apostrophes. What a customer may
// well write himself ("delivery delayed", "en vacances") is not among them.
var autoSubjects = foldAll(
	// en
	"automatic reply", "auto reply", "auto-reply", "autoreply", "auto response", "auto-response",
	"autoresponse", "automated reply", "automated response", "automatic response",
	"out of office", "out of the office", "out-of-office", "ooo:", "ooo -", "away from the office", "vacation reply",
	"[auto]", "[autoreply]", "[auto-reply]",
	"undelivered mail returned to sender", "undeliverable:",
	"delivery status notification", "mail delivery failed", "mail delivery failure", "mail delivery system",
	"failure notice", "returned mail", "message delivery failure",
	"warning: could not send message", "read receipt", "delivery receipt",
	"read:", "not read:",
	// fr
	"réponse automatique", "reponse auto", "réponse d'absence", "message automatique", "message d'absence",
	"absence du bureau", "absent du bureau", "absent(e)",
	"hors du bureau", "notification d'absence", "avis d'absence",
	"non remis :", "message non distribué", "échec de la remise", "échec de remise",
	"notification d'état de remise", "notification d'échec", "courrier non distribué", "accusé de lecture", "lu :", "non lu :",
	"accusé de réception automatique",
	// de
	"automatische antwort", "automatische rückantwort", "automatische eingangsbestätigung", "abwesenheitsnotiz",
	"abwesenheitsmeldung", "abwesenheitsnachricht", "abwesenheit:", "abwesend:", "autoantwort", "urlaubsnotiz",
	"unzustellbar:", "nicht zustellbar:", "lesebestätigung", "gelesen:", "ungelesen:",
	// es
	"respuesta automática", "respuesta automatica", "contestación automática", "fuera de la oficina", "fuera de oficina", "ausente de la oficina",
	"no se puede entregar:", "mensaje no entregado", "no entregado:", "confirmación de lectura", "leído:",
	// it
	"risposta automatica", "risposta automatico", "fuori sede", "fuori ufficio", "assente dall'ufficio", "assenza dall'ufficio",
	"non recapitabile:", "conferma di lettura", "letto:",
	// nl
	"automatisch antwoord", "automatische beantwoording", "automatische reactie", "afwezigheidsmelding", "afwezigheidsbericht", "niet op kantoor",
	"afwezig:", "onbestelbaar:", "leesbevestiging", "gelezen:",
	// sv
	"automatiskt svar", "autosvar", "frånvaromeddelande", "frånvarande:", "frånvaro:", "ej på kontoret", "inte på kontoret", "kan inte levereras:",
	"olevererbart:", "läskvitto", "läst:",
)

// autoSubject says that the subject begins as those of automatic answers do, or
// as our own acknowledgements do.
func autoSubject(f *AckFacts) bool {
	subject := fold(f.Subject)
	begins := func(prefix string) bool { return prefix != "" && strings.HasPrefix(subject, prefix) }
	return slices.ContainsFunc(autoSubjects, begins) || slices.ContainsFunc(foldAll(f.OwnSubjects...), begins)
}

func foldAll(phrases ...string) []string {
	folded := make([]string, len(phrases))
	for i, p := range phrases {
		folded[i] = fold(p)
	}
	return folded
}

// apostrophes and quotes come in many shapes, RFC 5322 knows none of them.
var plainMarks = strings.NewReplacer("’", "'", "‘", "'", "`", "'", "´", "'", "º", "°", "‐", "-", "–", "-", "—", "-")

// fold makes text comparable: lower case, no accents, single spaces, and no
// space before a colon (French has one, others none).
func fold(s string) string {
	if s = clip(s, maxValue); isPlain(s) {
		return strings.ReplaceAll(strings.Join(strings.Fields(strings.ToLower(s)), " "), " :", ":")
	}
	s = plainMarks.Replace(norm.NFC.String(s))
	var b strings.Builder
	for _, r := range norm.NFD.String(strings.ToLower(s)) {
		if r < 0x300 || r > 0x36f { // combining diacritical marks
			b.WriteRune(r)
		}
	}
	return strings.ReplaceAll(strings.Join(strings.Fields(b.String()), " "), " :", ":")
}

// isPlain is true for ASCII, but for the one sign of it that is a mark of many shapes.
func isPlain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf || s[i] == '`' {
			return false
		}
	}
	return true
}
