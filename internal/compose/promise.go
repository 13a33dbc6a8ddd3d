package compose

import (
	"regexp"
	"strings"
)

// sendable are the things that people attach.
const sendable = `(?:fichiers?|documents?|devis|factures?|photos?|plans?|contrats?|formulaires?|bons?|courriers?|notices?|certificats?|attestations?|rapports?|copies?|étiquettes?|justificatifs?|relevés?|tableaux?|captures?|rib|pdf)`

// promise are the words that announce an attachment.
var promise = regexp.MustCompile(`(?i)\b(?:ci[- ](?:joint|annex|inclus)\p{L}*` +
	`|(?:en|dans la|voir(?: la)?|cf\.?|avec)\s+(?:pi[eè]ces?\s+(?:jointes?|annexées?)|p\.?\s?j\.?(?:\W|$))` +
	`|pi[eè]ces?\s+jointes?\s*:` +
	`|vous\s+trouverez\s+(?:en\s+annexe|joint\p{L}*|attach\p{L}*)` +
	`|(?:je|nous)\s+(?:vous\s+|te\s+|l[ae]s?\s+)?(?:joins|joignons)` +
	`|(?:j.ai|nous avons)\s+(?:bien\s+|aussi\s+)?(?:joint|annexé)` +
	`|` + sendable + `\s+(?:est\s+|sont\s+)?jointe?s?\b` +
	`|jointe?s?\s+(?:à|au|avec)\s+(?:ce|cet|mon|notre|la présente)\b` +
	`|(?:find|see|is|are|have|i.ve|we.ve)\s+(?:also\s+)?(?:the\s+)?(?:attached|enclosed)` +
	`|(?:attached|enclosed)\s+(?:is|are|you|please|find|below|herewith)` +
	`|(?:the|an?)\s+(?:attached|enclosed)\s+(?:pdf|files?|documents?|forms?|quotes?|invoices?|photos?|pictures?|reports?|letters?|contracts?|labels?|copy|copies|screenshots?|spreadsheets?)` +
	`|(?:see|in|open|as)\s+(?:the|an)\s+attachments?` +
	`|attachments?\s*:` +
	`|(?:i|we)(?:.m|.re|\s+am|\s+are|.ll|\s+will)?\s+(?:also\s+)?(?:attach|enclos)(?:e|ed|ing)?\b` +
	`|(?:as|please\s+(?:see|find))\s+attached` +
	`|(?:^|[.\n(])\s*(?:attached|enclosed)\b)`)

// theirs follows words that speak of what the reader has sent, or of reaching somebody.
var theirs = regexp.MustCompile(`(?i)^\s*(?:(?:à|de|dans|avec|in|to|of|from|with)\s+(?:votre|vos|ton|your)\b|que vous|you (?:sent|have sent)|(?:par|au)\s+(?:téléphone|\+?\d))`)

// mineNot comes before words that deny or ask: "without the attached file", "please send the attached form back" is
// a promise, "merci de remplir le document joint à votre commande" is none.
var mineNot = regexp.MustCompile(`(?i)(?:\b(?:sans|aucune?|pas(?:\s+de)?|no|not|without|never)(?:\s+(?:la|le|les|the|any))?|n.est\s+pas|n.étai(?:t|ent)\s+pas)\s*$`)

// maxPromise is how much of the new text is searched, in bytes: more was not written by hand.
const maxPromise = 64 << 10

// mentionsAttachment spares the pattern on texts that can't match.
func mentionsAttachment(lower string) bool {
	for _, w := range []string{"joi", "annex", "attach", "enclos", "pj", "p.j"} {
		if strings.Contains(lower, w) {
			return true
		}
	}
	return false
}

var receivedWords = []string{"your", "you", "you have", "votre", "vos", "ton", "reçu", "received", "thanks for the", "thanks for", "thank you for", "received", "merci pour la", "merci pour", "merci de"}

var saysIs = regexp.MustCompile(`(?i)\s(?:est|sont|is|are)\s`)

// promises returns the words of text that announce an attachment, "" if none do. What
// the reader has sent ("votre pièce jointe") does not count.
func promises(text string) string {
	text = text[:min(len(text), maxPromise)]
	if !mentionsAttachment(strings.ToLower(text)) {
		return ""
	}
	for _, m := range promise.FindAllStringIndex(text, 20) {
		before := strings.ToLower(strings.TrimSpace(text[max(0, m[0]-24):m[0]]))
		mine := !theirs.MatchString(text[m[1]:]) && !mineNot.MatchString(before)
		if !saysIs.MatchString(text[m[0]:m[1]]) { // "votre facture est jointe" is ours
			for _, w := range receivedWords {
				mine = mine && !strings.HasSuffix(before, w)
			}
		}
		if mine {
			return strings.Join(strings.Fields(text[m[0]:m[1]]), " ")
		}
	}
	return ""
}
