package compose

import (
	"regexp"
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/config"
)

// Offered is somebody whom a team has asked before.
type Offered struct {
	Who   addr.Mailbox
	Times int
	Last  time.Time
}

// offeredView is Offered as the template sees it.
type offeredView struct {
	Who   PersonData
	Times int
	Last  time.Time
}

func offered(list []Offered, team *config.Team) []offeredView {
	var out []offeredView
	for _, o := range list {
		out = append(out, offeredView{Who: personOf(o.Who), Times: o.Times, Last: inZone(o.Last, team)})
	}
	return out
}

// topicWords say what an aside is about.
func topicWords(topic, lang string) string {
	switch topic = cleanLine(topic); {
	case topic == "":
		return ""
	case lang == "fr":
		return "Objet\u00a0: «\u00a0" + topic + "\u00a0». "
	}
	return "Subject: “" + topic + "”. "
}

// labels are what stands before a name in From of copies that are not the
// customer's mails, in the languages that we speak.
var labels = []string{"AVIS – ", "ASIDE – ", "NOTE – "}

// maxLabelled is how long a name between a label and the team may be, in bytes.
const maxLabelled = 300

// labelEdits takes out of quoted names what we put around them: "AVIS – Dr Expert
// (Relation Client)".
func labelEdits(text, team string) []edit {
	var list []edit
	suffix := " (" + team + ")"
	for _, label := range labels {
		for pos := 0; ; {
			i := strings.Index(text[pos:], label)
			if i < 0 {
				break
			}
			start := pos + i
			pos = start + len(label)
			name, _, _ := strings.Cut(text[pos:min(len(text), pos+maxLabelled)], suffix)
			if end := pos + len(name); strings.HasPrefix(text[end:], suffix) && !strings.Contains(name, "\n\n") {
				list = append(list, edit{start: start, end: pos}, edit{start: end, end: end + len(suffix)})
			}
		}
	}
	return list
}

// listed names people in a sentence.
func listed(people []addr.Mailbox) string {
	var list []string
	for _, m := range people {
		list = append(list, person(personOf(m)))
	}
	return strings.Join(list, ", ")
}

// ViaName is the name under which the desk passes on somebody's mail: "Jean Client
// (via Relation Client)". It never looks like an address.
func ViaName(m addr.Mailbox, team *config.Team) string {
	return displayName(m) + " " + viaWords(team)
}

// courtesy are the lines that many mails begin and end with.
var courtesy = regexp.MustCompile(`(?i)^\W*(?:(?:très |bien |sincèrement )?(?:cordialement|à vous|amicalement|sincèrement)|bonjour|bonsoir|hello|dear|hi|cher|chère|madame|monsieur` +
	`|(?:je|nous) (?:reste|restons|me tiens|nous tenons) à (?:votre|ta) (?:entière )?disposition|n.hésitez pas|merci|thanks?|many thanks|thank you` +
	`|(?:kind|best|warm)?\s?regards|sincerely|yours|cheers|please (?:do not|don.t) hesitate|(?:let me|feel free)|bonne (?:journée|soirée|fin)|have a (?:nice|good)|envoyé de|sent from)\b`)

// maxCourtesy is the length, in bytes, above which a line says more.
const maxCourtesy = 80

// Courtesy says whether a line is what everybody writes: a greeting, thanks, a
// farewell.
func Courtesy(line string) bool { return len(line) <= maxCourtesy && courtesy.MatchString(line) }
