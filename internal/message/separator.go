package message

import "strings"

// separators are the words between the dashes above a quoted mail.
var separators = strings.Split("original message|original appointment|forwarded message|reply message|message d'origine|message d’origine|message original|message initial|"+
	"mail original|e-mail d'origine|e-mail d’origine|message transféré|message transmis|ursprüngliche nachricht|originalnachricht|original-nachricht|weitergeleitete nachricht|mensaje original|"+
	"mensaje reenviado|mensagem original|mensagem encaminhada|messaggio originale|messaggio inoltrato|oorspronkelijk bericht|doorgestuurd bericht|"+
	"opprinnelig melding|oprindelig meddelelse|ursprungligt meddelande|originalmeddelande|wiadomość oryginalna|oryginalna wiadomość|"+
	"исходное сообщение|пересылаемое сообщение|вихідне повідомлення|původní zpráva|alkuperäinen viesti|mesaj original|原始邮件|原始郵件|转发的邮件|転送メッセージ", "|")

// openSeparators are those that go on with a name before the dashes come.
var openSeparators = []string{"videresendt ", "vidarebefordrat "}

// isSeparatorLine is true for a line such as "-----Original Message-----".
func isSeparatorLine(s string) bool {
	dashes := strings.TrimLeft(s, spaces+"*_>")
	words := strings.TrimLeft(dashes, "-")
	if len(words) > len(dashes)-2 {
		return false
	}
	words = strings.TrimLeft(words, spaces+"*")
	for _, sep := range separators {
		if rest, ok := cutWord(words, sep); ok && strings.HasPrefix(strings.TrimLeft(rest, spaces+"*"), "--") {
			return true
		}
	}
	for _, sep := range openSeparators {
		if rest, ok := cutWord(words, sep); ok && strings.Contains(rest, "--") {
			return true
		}
	}
	return false
}

// forwardIntros is Apple Mail's line.
var forwardIntros = strings.Split("begin forwarded message|début du message réexpédié|début du message transféré|anfang der weitergeleiteten nachricht|anfang der weitergeleiteten e-mail|"+
	"inicio del mensaje reenviado|inizio messaggio inoltrato|início da mensagem reencaminhada|begin doorgestuurd bericht", "|")

// isForwardIntro is true for a line such as "Begin forwarded message:".
func isForwardIntro(s string) bool {
	words, ok := strings.CutSuffix(strings.TrimRight(s, spaces), ":")
	if !ok {
		return false
	}
	words = strings.Trim(words, spaces)
	for _, intro := range forwardIntros {
		if rest, ok := cutWord(words, intro); ok && rest == "" {
			return true
		}
	}
	return false
}

// isRuler is true for a line of five or more dashes, underscores or equal signs.
func isRuler(s string) bool {
	s = strings.Trim(s, spaces+"*")
	return len(s) >= 5 && strings.Trim(s, "-_=") == ""
}
