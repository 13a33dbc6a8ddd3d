package rules

// Automatic says whether a program wrote the mail: a vacation answer, a
// receipt, a list, a robot. It looks at what RFC 3834 and the habits of those
// that do not follow it leave in the header, and not at who the sender is.
func Automatic(f *AckFacts) bool {
	for _, sign := range []func(*AckFacts) bool{nullSender, report, autoSubmitted, precedence, autoresponder, loopHeader, autoSubject} {
		if sign(f) {
			return true
		}
	}
	return false
}
