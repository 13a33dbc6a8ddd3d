package compose

// SizeWords says how large the attachment is, in a language: "2,0 Mo".
func (a Attachment) SizeWords(lang string) string { return sizeWords(a.Size, lang) }
