package rules

// lineWords are the lines of the acknowledgement table in words.
var lineWords = [...]string{
	1:  "not a new request",
	2:  "null envelope sender (RFC 3834 §2)",
	3:  "a report: delivery status, disposition or abuse (RFC 3464, 8098, 5965)",
	4:  "one of our own addresses, or a valid token of ours",
	5:  "Auto-Submitted is present and not \"no\" (RFC 3834 §5)",
	6:  "Precedence is bulk, list, junk or auto_reply",
	7:  "a mailing list header (RFC 2369, 2919)",
	8:  "X-Auto-Response-Suppress forbids it (MS-OXCMAIL)",
	9:  "the header of an autoresponder",
	10: "the loop header of another help desk",
	11: "the sender's local part is a program's (RFC 3834 §2)",
	12: "an answer to an invitation (RFC 5546)",
	13: "spam, malware, a DMARC failure, or an address that nothing backs",
	14: "the envelope sender is not aligned with From (RFC 3834 §4)",
	15: "From or the target is malformed (RFC 5322 §3.6.2)",
	16: "our address is neither in To nor in Cc (RFC 3834 §2)",
	17: "too many Received fields (RFC 5321 §6.3)",
	18: "the subject is an automatic answer's",
	19: "the same sender, subject and body within 24 hours",
	20: "a cap of acknowledgements is reached",
	21: "weak signs of bulk mail, which suppress nothing",
}

// LineWords is a line of the acknowledgement table in words, "" for none.
func LineWords(n int) string {
	if n < 0 || n >= len(lineWords) {
		return ""
	}
	return lineWords[n]
}
