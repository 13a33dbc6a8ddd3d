package message

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"postdesk/internal/testkit"
)

// What mail programs write above a quote, as patterns: these say what is meant, and
// the functions beside them read the same many times faster.
var (
	// wroteVerbPattern is the verb of an attribution line. "m'a écrit" and "avez écrit"
	// are sentences of a person, not of a program.
	wroteVerbPattern = regexp.MustCompile(`(?i)(^|[\s)>"“”»,])(` + strings.Join([]string{
		`wrote`, `writes`, `a écrit`, `a ecrit`, `schrieb`, `schrieben`, `escribió`, `escreveu`, `ha scritto`,
		`schreef`, `heeft .*geschreven`, `skrev`, `napisał(\(a\)|a)?`, `pisze`, `написала?`, `написав`, `пишет`, `пише`,
		`kirjoitti`, `napsal(a|\(a\))?`, `napísal(a|\(a\))?`, `a scris`, `írta`, `έγραψε`, `şunu yazdı`, `je napisa(o|la)`, `va escriure`,
	}, "|") + `)([\s,:：]|$)|写道|寫道|のメッセージ|書きました|작성`)

	// wroteByYouPattern is the same with a pronoun: only a quote after it proves it.
	wroteByYouPattern = regexp.MustCompile(`(?i)\b(you|i|we|they|he|she|vous|nous|on|il|elle|je|ich|er|sie|wir|du)\s+(wrote|a écrit|avez écrit|schrieb|schrieben)\b`)

	// hasMomentPattern is a time, a year, or a date in digits.
	hasMomentPattern  = regexp.MustCompile(`\d{1,2}[:.h]\d{2}|\b(19|20)\d{2}\b|\d{1,2}/\d{1,2}/\d{2}|\d年`)
	hasAddressPattern = regexp.MustCompile(`[^\s<>@"]@[^\s<>@"]`)

	// openerPattern is how an attribution over several lines begins.
	openerPattern = regexp.MustCompile(`(?i)^(on|at|le|am|el|em|il|op|den|dnia|w dniu|dne|dana|на|la data|-{2,} on)\s+\S|^(a|pe|la|в|på) \d|^(在|於)|^\d{1,4}[-/. ]|^(mon|tue|wed|thu|fri|sat|sun|lun|mar|mer|jeu|ven|sam|dim)[a-zé]*\.?,? |^\S.{0,80}<[^<>\s]+@[^<>\s]+>`)

	// datedNamePattern is Gmail's attribution without verb: "2016-10-24 15:36 GMT+02:00 Foo <f@x>:".
	datedNamePattern = regexp.MustCompile(`^\d{4}[-/]\d{1,2}[-/]\d{1,2}\s+(\d{1,2}:\d{2}\s+(GMT|UTC)\S*\s+\S.{0,150}|\S.{0,150}<\s*[^<>\s]+@[^<>]+>:?)$`)

	// originalMessagePattern is the line between dashes.
	originalMessagePattern = regexp.MustCompile(`(?i)^[\s*_>]*-{2,}[\s*]*(` + strings.Join([]string{
		`original message`, `original appointment`, `forwarded message`, `reply message`, `message d['’]origine`, `message original`, `message initial`, `mail original`, `e-mail d['’]origine`,
		`message transféré`, `message transmis`, `ursprüngliche nachricht`, `originalnachricht`, `original-?nachricht`, `weitergeleitete nachricht`, `mensaje original`,
		`mensaje reenviado`, `mensagem original`, `mensagem encaminhada`, `messaggio originale`, `messaggio inoltrato`, `oorspronkelijk bericht`, `doorgestuurd bericht`,
		`opprinnelig melding`, `oprindelig meddelelse`, `videresendt .*`, `ursprungligt meddelande`, `originalmeddelande`, `vidarebefordrat .*`, `wiadomość oryginalna`, `oryginalna wiadomość`,
		`исходное сообщение`, `пересылаемое сообщение`, `вихідне повідомлення`, `původní zpráva`, `alkuperäinen viesti`, `mesaj original`, `原始邮件`, `原始郵件`, `转发的邮件`, `転送メッセージ`,
	}, "|") + `)[\s*]*-{2,}`)

	// forwardedIntroPattern is Apple Mail's line.
	forwardedIntroPattern = regexp.MustCompile(`(?i)^\s*(begin forwarded message|début du message (réexpédié|transféré)|anfang der weitergeleiteten (nachricht|e-mail)|inicio del mensaje reenviado|inizio messaggio inoltrato|início da mensagem reencaminhada|begin doorgestuurd bericht)\s*:\s*$`)

	rulerPattern = regexp.MustCompile(`^[\s*]*[-_=]{5,}[\s*]*$`)
)

type lineReader struct {
	pattern interface{ MatchString(string) bool }
	reads   func(string) bool
}

// shortMobileSignature is the pattern of lines that phones add, for lines that are short enough to be one.
type shortMobileSignature struct{}

func (shortMobileSignature) MatchString(line string) bool {
	return len(line) <= 200 && mobileSignature.MatchString(line)
}

// lineReaders are the functions that stand for patterns.
func lineReaders() map[string]lineReader {
	return map[string]lineReader{
		"verb": {wroteVerbPattern, saysWrote}, "verb of a person": {wroteByYouPattern, saysYouWrote}, "moment": {hasMomentPattern, hasMoment},
		"address": {hasAddressPattern, hasAddress}, "opener": {openerPattern, opensAttribution}, "dated name": {datedNamePattern, isDatedName},
		"separator": {originalMessagePattern, isSeparatorLine}, "forward": {forwardedIntroPattern, isForwardIntro}, "ruler": {rulerPattern, isRuler},
		"phone": {shortMobileSignature{}, isMobileSignature},
	}
}

// linePieces are what lines are made of that are nearly what a pattern says.
func linePieces() []string {
	pieces := strings.Split("on |On x|LE |w dniu |na |la data |-- On x|a 3|в 7|pe 1|在|於|Mon, |lun. |MÉR|mardi, |12-|2024-03-01 |2024/3/1|2024-03-01 15:36 GMT+2 Foo|1:30 UTC x| 10h30|1/2/24|1999|20|年|"+
		"<a@b>|<a@|@|b>|<|>|wrote|WROTE:|a écrit :|A ÉCRIT|schrieb|ſchreef|heeft |geschreven|napisał(a)|je napisao|ha scritto|\u212airjoitti|НАПИСАЛА|írta|写道|작성|you |Nous |wir  |avez écrit|"+
		":|：|,|.| |  |\t|\f|\v|\r|”|»|)|(|\"|_|é|É|\u212a|ſ|\xff|\xc3|x|7|--|-----|***|=====|___|original message|Message d’origine|message d'origine|-- videresendt a --|original-nachricht|"+
		"Begin forwarded message|  BEGIN forwarded message : |début du message transféré| : |"+"Begin forwarded message:|"+strings.Repeat("x", 78)+"|"+strings.Repeat("é", 149)+
		"|Sent from my iPhone|_[sent via |From my|Someone from mobile|Get [Outlook for |Envoyé de mon|ENVOYÉ AVEC LA MESSAGERIE|Obtenez outlook pour |téléchargez |provenance : courrier|Von meinem |gesendet|diese nachricht wurde von |"+
		"holen sie sich outlook |enviado desde mi|inviato dal |verzonden van |sendt fra |\u017fkickat från |wysłane z |Отправлено с |надіслано з |発信元|iPhoneから送信|\u212a|发自我的|從我的|傳送|发送自|lähetetty |\u1427", "|")
	return append(pieces, wroteInside...)
}

func TestLinesAreReadAsThePatternsSay(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pieces, all := linePieces(), lineReaders()
	found := map[string]int{}
	for range 4000 {
		line := ""
		for range 1 + r.IntN(8) {
			line += pieces[r.IntN(len(pieces))]
		}
		for name, x := range all {
			want := x.pattern.MatchString(line)
			if x.reads(line) != want {
				t.Fatalf("%s: %q: %v", name, line, !want)
			}
			if want {
				found[name]++
			}
		}
	}
	for name := range all {
		if found[name] == 0 {
			t.Errorf("%s: in no line", name)
		}
	}
	t.Log(found)
}

func FuzzLinesAreReadAsThePatternsSay(f *testing.F) {
	for _, s := range linePieces() {
		f.Add(s)
	}
	f.Add("Le lun. 3 févr. 2025 à 10:00, Relation Client <relationclient@example.com> a écrit :")
	f.Add("2016-10-24 15:36 GMT+02:00 Foo <f@x.test>:")
	f.Fuzz(func(t *testing.T, line string) {
		line = strings.ReplaceAll(limit(line, maxAttribution), "\n", " ")
		for name, x := range lineReaders() {
			if want := x.pattern.MatchString(line); x.reads(line) != want {
				t.Fatalf("%s: %q: %v", name, line, !want)
			}
		}
	})
}

// costlyLines are lines that are nearly an attribution, a header, a ruler or a
// signature.
func costlyLines() map[string]string {
	many := strings.Repeat
	return map[string]string{
		"rulers": "-----\n", "long rulers": many("-", 150) + "\n", "no ruler": "* " + many("-", 60) + " x\n", "openers": "On x\nOn x\nOn x\na:\n",
		"Le a:": "Le a:\n", "Le 3 a:": "Le 3 a:\nx\n", "long openers": "Le 3 " + many("x ", 40) + "a:\n", "colons": "a\na\na\na:\n",
		"heeft": "Op 1 " + many(" heeft ", 12) + "\nx:\n", "geschreven": "Op geschreven heeft x:\n", "wrote": "On 1\nOn 2\nOn 3\nx wrote:\n> q\nx\n", "wrote, new": "On 1 x wrote:\n> q\nnew\n",
		"verbs": "On " + many("schriebx ", 10) + ":\n", "persons": "On 1999 " + many("you ", 40) + "wrote:\n> x\nn\n", "Kelvin": "On " + many("\u212a", 60) + ":\n",
		"separators": "- " + many("- ", 80) + "--\n", "half a separator": "-----Original Messag\n", "half an intro": many(" ", 100) + "x" + many(" ", 90) + ":\n",
		"dates": "2016-10-24 " + many("<a@", 50) + "\n", "years": "2016-x\n", "brackets": many("a@ <", 20) + " :\n", "header": "From:\nTo:\n", "blank": "\n", "overflow": "> " + many("x", 60) + "\nab:\n",
		"dashes": "--\n", "dashes, colon": "-- x:\n", "phones": "Sent from my iPhone\n",
	}
}

// A megabyte of such lines costs little, on the way to where it is cut and all the
// way through. With a pattern asked for every line it was up to four seconds.
func TestSplitQuoteIsCheap(t *testing.T) {
	const (
		size = 1 << 18
		most = 100 * time.Millisecond * testkit.RaceFactor
	)
	for name, unit := range costlyLines() {
		text := "new\n" + strings.Repeat(unit, size/len(unit)) + "> q\nnew\n"
		least := time.Hour
		for range 5 { // the collector's work for another may fall into one
			begin := testkit.CPU()
			fresh, quoted := SplitQuote(text)
			least = min(least, testkit.CPU()-begin)
			if fresh+quoted != text {
				t.Fatalf("%s: bytes were lost", name)
			}
			if least < most {
				break
			}
		}
		if least > most {
			t.Errorf("%s: %v for %d KB, at most %v", name, least, size>>10, most)
		}
	}
}
