package rules

import (
	"regexp"
	"strings"
	"time"

	"postdesk/internal/ticket"
)

// maxAbsenceText is how much of an out-of-office answer is read, in bytes.
const maxAbsenceText = 4 << 10

// maxAbsence is the longest absence that is believed of an out-of-office text.
// "Until 5 November", read on the 22nd, is an old text and no year off.
const maxAbsence = 200 * 24 * time.Hour

// Vacation says whether a mail is somebody's out-of-office answer, and not a
// receipt, a report, a list or another robot: a program wrote it (automatic, or
// Automatic says so), and its words speak of an absence. text is its new text.
func Vacation(f *AckFacts, automatic bool, text string) bool {
	if !automatic && !Automatic(f) || report(f) || mailingList(f) || calendarAnswer(f) || failedRecipients(f) {
		return false
	}
	return absenceWords.MatchString(foldText(f.Subject)) || absenceWords.MatchString(foldText(text))
}

// absenceWords are searched in folded text. An answer that only confirms that
// the mail has come has none of them.
var absenceWords = regexp.MustCompile(`\b(?:` + strings.Join([]string{
	// en
	`out of (?:the )?office`, `out-of-office`, `ooo`, `away`, `on leave`, `annual leave`, `maternity leave`, `parental leave`, `sick leave`, `vacation`, `holidays?`,
	`not (?:be )?in the office`, `not (?:be )?available`, `unavailable`, `absen(?:t|ce)`, `back (?:on|in|at|to)`, `be back`, `returning`, `my return`, `i return`, `i will return`,
	// fr
	`absente?s?`, `absence`, `conges?`, `vacances`, `hors du bureau`, `indisponible`, `de retour`, `mon retour`, `reviens`, `reviendrai`, `reprendrai`, `en deplacement`, `arret maladie`,
	// others
	`abwesen(?:d|heit)`, `urlaub`, `ausente`, `ausencia`, `vacaciones`, `fuera de (?:la )?oficina`, `assente`, `ferie`, `fuori (?:sede|ufficio)`, `afwezig`, `vakantie`, `franvarande`, `semester`,
}, "|") + `)\b`)

// AbsenceEnd reads in an out-of-office text, French or English, when the
// absence ends: the first moment at which the person is back. "Until Friday"
// and "du 1er au 5 décembre" take in the last day, "back on Monday" does not.
// now and zone say what "tomorrow" is. found is false when the text names no
// end, or one too far away to be believed; an end that lies in the past is
// returned: an old text that someone forgot.
func AbsenceEnd(text string, now time.Time, zone *time.Location) (end time.Time, found bool) {
	text = foldText(text)
	best := len(text)
	for _, m := range endMarks {
		for _, at := range m.pattern.FindAllStringSubmatchIndex(text, 8) {
			if at[0] >= best {
				break
			}
			if t, ok := momentAfter(text[at[2]:], m.last, now, zone); ok {
				best, end, found = at[0], t, true
				break
			}
		}
	}
	return end, found
}

// endMarks are the words before the end of an absence, which begins at the
// first group; last: the day that is named is the last one away.
var endMarks = []struct {
	pattern *regexp.Regexp
	last    bool
}{
	{regexp.MustCompile(`\b(?:until|till|thru|through|jusqu'au|jusqu'a|jusque)\b()`), true},
	{regexp.MustCompile(`\b(?:du|from|between|entre le)\s+(?:\S+\s+){1,5}?(?:au|to|and|et le|-)\s+()`), true},
	{regexp.MustCompile(`\b(?:back|return|returning|de retour|mon retour|retour (?:le|au)|reviens|reviendrai|reprendrai|reprends|rentre|a partir du|a compter du|des le|as of)\b()`), false},
	{regexp.MustCompile(`\b(?:absente?|away|out of (?:the )?office|out)\s+(today|aujourd'hui|tomorrow|demain)\b`), true},
}

// maxFiller is how many words may stand between the mark and the moment, as
// in "back in the office on".
const maxFiller = 5

// momentAfter reads the moment at the beginning of a text, past words that
// say nothing, and not past the end of the sentence.
func momentAfter(text string, last bool, now time.Time, zone *time.Location) (time.Time, bool) {
	for range maxFiller {
		text = strings.TrimLeft(text, " \n\t(:,")
		if at, day, _, ok := ticket.ParseWhen(text, now, zone); ok {
			if at.Sub(now) > maxAbsence {
				return time.Time{}, false
			}
			if day && last && !lasting.MatchString(text) {
				at = at.AddDate(0, 0, 1)
			}
			return at, true
		}
		word, rest, more := strings.Cut(text, " ")
		if !more || strings.ContainsAny(word, ".!?\n") {
			break
		}
		text = rest
	}
	return time.Time{}, false
}

// lasting is a span and not a day: "2 days", "une semaine".
var lasting = regexp.MustCompile(`^(?:(?:in|for|dans|pour|pendant)\s+)?(\d{1,3}|an?|une?|one|two|deux|three|trois|four|quatre)\s*(?:d|j|w|days?|jours?|weeks?|wk|sem|semaines?|months?|mois)\b`)

// foldText makes a text comparable: lower case, no accents, plain marks. Its
// lines stay lines.
func foldText(s string) string {
	if len(s) > maxAbsenceText {
		s = strings.ToValidUTF8(s[:maxAbsenceText], "")
	}
	var lines []string
	for line := range strings.SplitSeq(s, "\n") {
		lines = append(lines, fold(line))
	}
	s = strings.Join(lines, "\n")
	return strings.NewReplacer("jusqu' ", "jusqu'", " of january", " january", " of february", " february", " of march", " march", " of april", " april",
		" of may", " may", " of june", " june", " of july", " july", " of august", " august", " of september", " september",
		" of october", " october", " of november", " november", " of december", " december").Replace(s)
}

// Away is the span of an absence that an agent announces.
type Away struct {
	From  time.Time // when it begins: now, or the day that was named
	Until time.Time // the first moment at which the agent is back; zero: until the agent says so
}

// ParseAway reads what stands behind #away: nothing, "until friday",
// "jusqu'au 3/12", "2d", "une semaine", "demain", "du 24/12 au 2/1". The last
// day that is named is a day away; 2d is until this time in two days. A day
// alone is that day. Not ok: no moment can be read, or it is past.
func ParseAway(arg string, now time.Time, zone *time.Location) (Away, bool) {
	away := Away{From: now}
	text := strings.TrimSpace(foldText(arg))
	if text == "" {
		return away, true
	}
	if span := lasting.FindStringSubmatch(text); span != nil {
		return awayFor(away, text, now, zone)
	}
	at, day, rest, ok := ticket.ParseWhen(text, now, zone)
	if !ok {
		return away, false
	}
	end, endDay, single := at, day, !untilWord.MatchString(text)
	if next, nextDay, _, ok := ticket.ParseWhen(untilWord.ReplaceAllString(rest, ""), now, zone); ok && single {
		away.From, end, endDay = at, next, nextDay
		if end.Before(at) { // "du 24/12 au 2/1"
			end = end.AddDate(1, 0, 0)
		}
	} else if single && day && at.After(now) {
		away.From = at
	}
	if endDay {
		end = end.AddDate(0, 0, 1)
	}
	away.Until = end
	return away, end.After(now) && end.After(away.From)
}

// untilWord begins the end of a span.
var untilWord = regexp.MustCompile(`^(?:until|till|thru|through|to|and|jusqu'au|jusqu'a|jusque|au|et le|by)\s+`)

// awayFor is an absence of some days or weeks from now, to the same clock time.
func awayFor(away Away, text string, now time.Time, zone *time.Location) (Away, bool) {
	for _, lead := range []string{"in ", "for ", "dans ", "pour ", "pendant "} {
		text = strings.TrimPrefix(text, lead)
	}
	at, day, _, ok := ticket.ParseWhen("in "+text, now, zone)
	if !ok {
		return away, false
	}
	if day {
		y, m, d := at.Date()
		local := now.In(zone)
		at = time.Date(y, m, d, local.Hour(), local.Minute(), 0, 0, zone)
	}
	away.Until = at
	return away, at.After(now)
}
