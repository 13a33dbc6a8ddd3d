package message

import (
	"regexp"
	"strings"
)

// What mail programs write above a quote, in the languages seen in Europe and a
// few more. Matched against text with plain spaces.
var (
	// wroteVerb is the verb of an attribution line. "m'a écrit" and "avez écrit"
	// are sentences of a person, not of a program.
	wroteVerb = regexp.MustCompile(`(?i)(^|[\s)>"“”»,])(` + strings.Join([]string{
		`wrote`, `writes`, `a écrit`, `a ecrit`, `schrieb`, `schrieben`, `escribió`, `escreveu`, `ha scritto`,
		`schreef`, `heeft .*geschreven`, `skrev`, `napisał(\(a\)|a)?`, `pisze`, `написала?`, `написав`, `пишет`, `пише`,
		`kirjoitti`, `napsal(a|\(a\))?`, `napísal(a|\(a\))?`, `a scris`, `írta`, `έγραψε`, `şunu yazdı`, `je napisa(o|la)`, `va escriure`,
	}, "|") + `)([\s,:：]|$)|写道|寫道|のメッセージ|書きました|작성`)

	// wroteByYou is the same with a pronoun: only a quote after it proves it.
	wroteByYou = regexp.MustCompile(`(?i)\b(you|i|we|they|he|she|vous|nous|on|il|elle|je|ich|er|sie|wir|du)\s+(wrote|a écrit|avez écrit|schrieb|schrieben)\b`)

	// hasMoment is a time, a year, or a date in digits.
	hasMoment  = regexp.MustCompile(`\d{1,2}[:.h]\d{2}|\b(19|20)\d{2}\b|\d{1,2}/\d{1,2}/\d{2}|\d年`)
	hasAddress = regexp.MustCompile(`[^\s<>@"]@[^\s<>@"]`)

	// opener is how an attribution over several lines begins.
	opener = regexp.MustCompile(`(?i)^(on|at|le|am|el|em|il|op|den|dnia|w dniu|dne|dana|на|la data|-{2,} on)\s+\S|^(a|pe|la|в|på) \d|^(在|於)|^\d{1,4}[-/. ]|^(mon|tue|wed|thu|fri|sat|sun|lun|mar|mer|jeu|ven|sam|dim)[a-zé]*\.?,? |^\S.{0,80}<[^<>\s]+@[^<>\s]+>`)

	// datedName is Gmail's attribution without verb: "2016-10-24 15:36 GMT+02:00 Foo <f@x>:".
	datedName = regexp.MustCompile(`^\d{4}[-/]\d{1,2}[-/]\d{1,2}\s+(\d{1,2}:\d{2}\s+(GMT|UTC)\S*\s+\S.{0,150}|\S.{0,150}<\s*[^<>\s]+@[^<>]+>:?)$`)

	// originalMessage is the line between dashes.
	originalMessage = regexp.MustCompile(`(?i)^[\s*_>]*-{2,}[\s*]*(` + strings.Join([]string{
		`original message`, `original appointment`, `forwarded message`, `reply message`, `message d['’]origine`, `message original`, `message initial`, `mail original`, `e-mail d['’]origine`,
		`message transféré`, `message transmis`, `ursprüngliche nachricht`, `originalnachricht`, `original-?nachricht`, `weitergeleitete nachricht`, `mensaje original`,
		`mensaje reenviado`, `mensagem original`, `mensagem encaminhada`, `messaggio originale`, `messaggio inoltrato`, `oorspronkelijk bericht`, `doorgestuurd bericht`,
		`opprinnelig melding`, `oprindelig meddelelse`, `videresendt .*`, `ursprungligt meddelande`, `originalmeddelande`, `vidarebefordrat .*`, `wiadomość oryginalna`, `oryginalna wiadomość`,
		`исходное сообщение`, `пересылаемое сообщение`, `вихідне повідомлення`, `původní zpráva`, `alkuperäinen viesti`, `mesaj original`, `原始邮件`, `原始郵件`, `转发的邮件`, `転送メッセージ`,
	}, "|") + `)[\s*]*-{2,}`)

	// forwardedIntro is Apple Mail's line.
	forwardedIntro = regexp.MustCompile(`(?i)^\s*(begin forwarded message|début du message (réexpédié|transféré)|anfang der weitergeleiteten (nachricht|e-mail)|inicio del mensaje reenviado|inizio messaggio inoltrato|início da mensagem reencaminhada|begin doorgestuurd bericht)\s*:\s*$`)

	ruler = regexp.MustCompile(`^[\s*]*[-_=]{5,}[\s*]*$`)
)

// attribution tells whether a text, one to four lines joined, is an attribution.
// A strong one has a date or an address and needs no quote after it.
func attribution(s string) (is, strong bool) {
	if len(s) > 400 || len(s) < 6 {
		return false, false
	}
	if beginsWithYear(s) && datedName.MatchString(s) {
		return true, true
	}
	end := strings.TrimRight(s, " *_-")
	colon := strings.HasSuffix(end, ":") || strings.HasSuffix(end, "：")
	dashes := strings.HasPrefix(s, "--") && strings.HasSuffix(s, "--")
	if !colon && !dashes || !wroteVerb.MatchString(end) {
		return false, false
	}
	return true, (hasAddress.MatchString(s) || hasMoment.MatchString(s)) && !wroteByYou.MatchString(s)
}

// beginsWithYear spares datedName: four digits, and what separates a date's.
func beginsWithYear(s string) bool {
	if len(s) < 5 || s[4] != '-' && s[4] != '/' {
		return false
	}
	for i := range 4 {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// headerKind is what a line of a quoted header tells.
type headerKind byte

const (
	noHeader headerKind = iota
	fromHeader
	sentHeader // "Sent:", which only mail programs say
	dateHeader
	toHeader
	subjectHeader
	otherHeader
)

// headerLabels are the names of fields in the header that Outlook and others put
// above a quote.
var headerLabels = func() map[string]headerKind {
	labels := map[string]headerKind{}
	for kind, words := range map[headerKind]string{
		fromHeader:    "from|de|von|da|van|fra|från|od|от|від|发件人|寄件者|寄件人|差出人|보낸 사람|lähettäjä|kimden|feladó|expéditeur|mittente|absender|remitente|remetente|afzender|de la|από",
		sentHeader:    "sent|envoyé|envoyé le|gesendet|enviado|enviado el|enviada em|enviado em|inviato|verzonden|sendt|skickat|wysłano|отправлено|надіслано|发送时间|寄件日期|送信日時|보낸 날짜|lähetetty|gönderildi|elküldve|odesláno|trimis|στάλθηκε",
		dateHeader:    "date|datum|data|fecha|dato|日期|дата|päivämäärä|tarih|dátum",
		toHeader:      "to|à|a|an|aan|para|til|till|do|кому|收件人|收件者|宛先|받는 사람|vastaanottaja|kime|címzett|destinataire|komu|către|προς",
		subjectHeader: "subject|objet|sujet|betreff|asunto|assunto|oggetto|onderwerp|emne|ämne|temat|тема|主题|主旨|件名|제목|aihe|konu|tárgy|předmět|subiect|θέμα",
		otherHeader:   "cc|bcc|cci|kopie|copie|copie à|kopia|copia|reply-to|répondre à|risposta|antwort an|importance|importancia|attachments|pièces jointes|anlagen",
	} {
		for _, w := range strings.Split(words, "|") {
			labels[w] = kind
		}
	}
	return labels
}()

// headerLine tells what field a line of a quoted header is.
func headerLine(line string) headerKind {
	line = strings.TrimLeft(line, " \t*>")
	i := strings.IndexByte(line, ':')
	if j := strings.Index(line, "："); j >= 0 && (i < 0 || j < i) {
		i = j
	}
	if i < 1 || i > 40 {
		return noHeader
	}
	return headerLabels[strings.ToLower(strings.Trim(line[:i], " \t*"))]
}
