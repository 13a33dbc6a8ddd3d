package message

import (
	"regexp"
	"slices"
	"strings"
)

// maxSignature is how many lines may follow "-- ".
const maxSignature = 30

// mobileSignature is what phones and mail programs add below a text.
var mobileSignature = regexp.MustCompile(`(?i)^[\s(<*\[_]*(` + strings.Join([]string{
	`sent (from|via|with|by|using) \S.{0,90}`, `(from|someone from) (my|mobile)\b.{0,30}`, `get (\[)?outlook for .{0,80}`, `sent from outlook.{0,80}`,
	`envoyé (de|depuis|à partir de|à partir d['’]|avec|via|par|d['’])\s?(mon|ma|l['’]|un|une|my|outlook|yahoo|mail|courrier|gmail|iphone|ipad|samsung|orange|sfr|proton|bluemail|galaxy|android|la|le|téléphone|mobile|windows|laposte|mozilla|workspace|tablette).{0,90}`,
	`envoyé avec (la messagerie|l['’]e-?mail).{0,90}`, `(obtenir|obtenez|télécharger|téléchargez) outlook pour .{0,80}`, `provenance : courrier.{0,60}`,
	`von mein\S* .{0,60} gesendet.?`, `diese nachricht wurde von .{0,80} gesendet\.?`, `gesendet (von|mit|aus|über) .{0,80}`, `holen sie sich outlook .{0,80}`,
	`enviado (desde|do|a partir de|de) (mi|meu|minha|outlook|yahoo|samsung|mail|correo|o|un).{0,80}`, `inviato (da|dal|dall['’]|con|tramite) .{0,80}`,
	`verzonden (met|vanaf|van|vanuit) .{0,80}`, `sendt fra .{0,80}`, `skickat från .{0,80}`, `wysłan[eoy] z .{0,80}`,
	`отправлено (с|из) .{0,80}`, `надіслано з .{0,80}`, `発信元.{0,60}`, `iphoneから送信`, `发自我的.{0,60}`, `從我的.{0,60}傳送`, `发送自.{0,60}`, `lähetetty .{0,60}`,
}, "|") + `)$|^\x{1427}$`)

// mobileBeginnings are how those lines begin. Nearly no other line does, and the pattern is a large one.
var mobileBeginnings = []string{
	"sent ", "from ", "someone from ", "get ", "envoyé ", "obten", "téléchar", "provenance", "von mein", "diese nachricht", "gesendet ", "holen sie", "enviado ", "inviato ",
	"verzonden ", "sendt ", "skickat ", "wysłan", "отправлено", "надіслано", "発信元", "iphone", "发自", "從我的", "发送自", "lähetetty", "\u1427",
}

// isMobileSignature takes a trimmed line.
func isMobileSignature(line string) bool {
	if line == "" || len(line) > 200 {
		return false
	}
	words := strings.TrimLeft(line, spaces+"(<*[_")
	begins := func(beginning string) bool { _, ok := cutWord(words, beginning); return ok }
	return slices.ContainsFunc(mobileBeginnings, begins) && mobileSignature.MatchString(line)
}

// SplitSignature cuts the signature off new text: what follows the last "-- "
// (RFC 3676 §4.3), and lines such as "Sent from my iPhone" at the end;
// text+signature is fresh. The name that somebody types below a text stays.
func SplitSignature(fresh string) (text, signature string) {
	lines := strings.SplitAfter(fresh, "\n")
	end := len(lines)
	for i := len(lines) - 1; i >= 0 && i >= len(lines)-maxSignature; i-- {
		if line := strings.TrimRight(lines[i], "\r\n"); line == "-- " || line == "--" {
			end = i
			break
		}
	}
	for cut := true; cut; {
		cut = false
		i := end
		for i > 0 && strings.TrimSpace(lines[i-1]) == "" {
			i--
		}
		if i > 0 && isMobileSignature(plainSpaces(lines[i-1])) {
			end, cut = i-1, true
		}
	}
	n := 0
	for _, line := range lines[:end] {
		n += len(line)
	}
	return fresh[:n], fresh[n:]
}
