package smtpd

// turn is what a client sends in one go, and the replies to it.
type turn struct {
	send string
	want []string // "250"; of EHLO "250 AUTH SIZE…"
	then string   // "TLS": a handshake follows; "junk": something else than one
}

// command is what a client may say: line with its end goes over the wire, the
// rest is what it means.
type command struct {
	verb string // in capitals; "" is none
	line string // with its line end
	flaw string // the reply that the form alone deserves; "" is well formed
	name string // of HELO
	addr string // of MAIL and RCPT
	utf8 bool   // MAIL with SMTPUTF8
	size int64  // MAIL with SIZE

	mech    string     // of AUTH
	answers []answer64 // to its challenges; the first may be in the command
	initial bool       // it is

	body  modelBody // of DATA
	chunk string    // of BDAT
	after string    // STARTTLS: what comes after the 220, as in turn
}

// answer64 is one line of an AUTH exchange, RFC 4954 §4: text is what it
// decodes to, flaw the reply to one that is no base64, too long, or "*".
type answer64 struct{ line, text, flaw string }

// modelBody is what follows DATA.
type modelBody struct {
	wire, text           string // with the final dot; and as it must be kept
	stray, long, unclear bool   // a bare CR or NUL; a line too long; an ambiguous end
}
