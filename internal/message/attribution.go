package message

import "strings"

// maxAttribution is how long an attribution may be, in bytes.
const maxAttribution = 400

// attribution tells whether a text, one to four lines joined, is an attribution.
// A strong one has a date or an address and needs no quote after it.
func attribution(s string) (is, strong bool) {
	if len(s) > maxAttribution || len(s) < 6 {
		return false, false
	}
	if isDatedName(s) {
		return true, true
	}
	end := strings.TrimRight(s, " *_-")
	colon := strings.HasSuffix(end, ":") || strings.HasSuffix(end, "：")
	dashes := strings.HasPrefix(s, "--") && strings.HasSuffix(s, "--")
	if !colon && !dashes || !saysWrote(end) {
		return false, false
	}
	return true, (hasAddress(s) || hasMoment(s)) && !saysYouWrote(s)
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
