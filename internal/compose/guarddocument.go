package compose

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/hex"
	"io"
	"regexp"
	"strings"

	xhtml "golang.org/x/net/html"
)

// Bounds of what is read of a document: its directory, and the few entries that tell of its authors. Nothing
// else is unpacked, so that no archive costs more than this.
const (
	maxEntries   = 5000
	maxProperty  = 64 << 10 // bytes of an entry, packed and unpacked
	maxPDFValues = 200      // of one kind in a PDF
	maxPDFValue  = 2 << 10  // bytes of one
)

// authorEntries are the entries of Office (ISO 29500) and OpenDocument (ISO 26300) files that name people.
var authorEntries = map[string]bool{
	"docProps/core.xml": true, "docProps/app.xml": true, "docProps/custom.xml": true, "word/people.xml": true, "xl/persons/person.xml": true,
	"ppt/authors.xml": true, "ppt/commentAuthors.xml": true, "meta.xml": true,
}

// authorElements name who wrote a document, in lower case.
var authorElements = map[string]bool{"dc:creator": true, "cp:lastmodifiedby": true, "meta:initial-creator": true, "manager": true}

// Signatures and lengths of ZIP's records, APPNOTE 4.3.
const (
	zipEnd, zipEntry, zipLocal          = "PK\x05\x06", "PK\x01\x02", "PK\x03\x04"
	zipEndSize, zipEntrySize, zipHeader = 22, 46, 30
)

// document searches the properties of a document that is a ZIP archive. The names of an archive's entries
// stand in it as they are.
func (g *guard) document(data []byte, where string) error {
	tail := data[max(0, len(data)-zipEndSize-1<<16):]
	at := bytes.LastIndex(tail, []byte(zipEnd))
	if at < 0 || len(tail)-at < zipEndSize {
		return nil
	}
	start := int64(binary.LittleEndian.Uint32(tail[at+16:]))
	if start > int64(len(data)) {
		return nil
	}
	dir := data[start:]
	for n := 0; n < maxEntries && len(dir) >= zipEntrySize && bytes.HasPrefix(dir, []byte(zipEntry)); n++ {
		name := int(binary.LittleEndian.Uint16(dir[28:]))
		next := zipEntrySize + name + int(binary.LittleEndian.Uint16(dir[30:])) + int(binary.LittleEndian.Uint16(dir[32:]))
		if next > len(dir) {
			return nil
		}
		if authorEntries[string(dir[zipEntrySize:zipEntrySize+name])] {
			g.properties(property(data, dir), where)
		}
		dir = dir[next:]
	}
	return nil
}

// property is the beginning of an entry of the directory, unpacked.
func property(data, entry []byte) string {
	packed, at := int64(binary.LittleEndian.Uint32(entry[20:])), int64(binary.LittleEndian.Uint32(entry[42:]))
	if at+zipHeader > int64(len(data)) || !bytes.HasPrefix(data[at:], []byte(zipLocal)) {
		return ""
	}
	local := data[at:]
	at += zipHeader + int64(binary.LittleEndian.Uint16(local[26:])) + int64(binary.LittleEndian.Uint16(local[28:]))
	if at > int64(len(data)) {
		return ""
	}
	body := data[at:min(at+min(packed, maxProperty), int64(len(data)))]
	if method := binary.LittleEndian.Uint16(entry[10:]); method == 8 {
		body, _ = io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(body)), maxProperty)) // as far as it goes
	}
	return textOf(body)
}

// properties searches what a document says of itself.
func (g *guard) properties(xml, where string) {
	g.text(xml, where)
	z := xhtml.NewTokenizer(strings.NewReader(xml))
	named := false
	for kind := z.Next(); kind != xhtml.ErrorToken; kind = z.Next() {
		switch kind {
		case xhtml.StartTagToken:
			name, _ := z.TagName()
			named = authorElements[string(name)]
		case xhtml.TextToken:
			if named {
				g.author(string(z.Text()), where)
			}
		default:
			named = false
		}
	}
}

// author finds a login, alone or with the domain of Windows before it.
func (g *guard) author(name, where string) {
	name = strings.ToLower(strings.TrimSpace(name))
	name = name[strings.LastIndexByte(name, '\\')+1:]
	if g.logins[name] {
		g.find(FindSecret, name, where)
	}
}

// pdfKeys are the entries of a PDF's information dictionary, ISO 32000-2 §14.3.3.
var pdfKeys = []string{"/Author", "/Creator", "/Producer", "/Title", "/Subject", "/Keywords", "/Company", "/Manager"}

// pdfValue is a value: a string, or one in hexadecimal.
var pdfValue = regexp.MustCompile(`(?s)^\s{0,20}(?:\(((?:\\.|[^\\)]){0,500})\)|<([0-9A-Fa-f\s]{0,1000})>)`)

// pdf searches the information dictionary of a PDF, as far as it is not packed.
func (g *guard) pdf(data []byte, where string) error {
	for _, key := range pdfKeys {
		rest := data
		for range maxPDFValues {
			at := bytes.Index(rest, []byte(key))
			if at < 0 {
				break
			}
			rest = rest[at+len(key):]
			value := pdfString(rest[:min(len(rest), maxPDFValue)])
			g.text(value, where)
			if key == "/Author" {
				g.author(value, where)
			}
		}
	}
	return nil
}

// pdfOctal is a letter by its number, ISO 32000-2 §7.3.4.2.
var pdfOctal = regexp.MustCompile(`\\[0-3][0-7]{2}`)

// pdfString is the text of the value that begins here, "" for none.
func pdfString(b []byte) string {
	m := pdfValue.FindSubmatch(b)
	if m == nil {
		return ""
	}
	if len(m[2]) > 0 {
		value, _ := hex.DecodeString(string(bytes.Join(bytes.Fields(m[2]), nil)))
		return textOf(value)
	}
	return textOf(pdfOctal.ReplaceAllFunc(m[1], func(o []byte) []byte { return []byte{(o[1]-'0')<<6 | (o[2]-'0')<<3 | (o[3] - '0')} }))
}
