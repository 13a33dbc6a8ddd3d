package compose

import (
	"bytes"
	"encoding/binary"
	"path"
	"strings"

	"postdesk/internal/message"
)

// isTNEF says whether a part is Outlook's winmail.dat, MS-OXTNEF.
func isTNEF(p *message.Part) bool {
	return p.MediaType == "application/ms-tnef" || p.MediaType == "application/vnd.ms-tnef" ||
		strings.EqualFold(p.FileName(), "winmail.dat")
}

// winmail unpacks the files of a winmail.dat and drops the rest: it holds the agent's
// address and the text once more, and few customers can open it.
func (t *tree) winmail(p *message.Part) message.Content {
	data, ok := readPart(p)
	if !ok {
		t.find(FindUnreadable, p.MediaType, partName(p))
		return message.CopyContent(t.renamed(p))
	}
	files, ok := tnefFiles(data)
	if !ok {
		t.find(FindUnreadable, p.MediaType, partName(p))
		return message.CopyContent(t.renamed(p))
	}
	var list []message.Content
	for _, f := range files {
		t.count++
		t.attachments = append(t.attachments, Attachment{N: t.count, Name: f.name, Type: "application/octet-stream", Size: int64(len(f.data))})
		list = append(list, message.DataContent(message.File{
			MediaType: "application/octet-stream", Name: f.name, Disposition: "attachment", Data: message.BytesSource(f.data),
		}))
	}
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	}
	return message.MultipartContent("mixed", nil, list...)
}

type tnefFile struct {
	name string
	data []byte
}

// The attributes that are read, MS-OXTNEF 2.1.3.2.
const (
	tnefSignature  = 0x223e9f78
	tnefRendData   = 0x00069002 // begins an attachment
	tnefTitle      = 0x00018010
	tnefAttachData = 0x0006800f
	maxTNEFFiles   = 100
)

// tnefFiles reads the attachments; ok is false when the structure is broken.
func tnefFiles(b []byte) (files []tnefFile, ok bool) {
	if len(b) < 6 || binary.LittleEndian.Uint32(b) != tnefSignature {
		return nil, false
	}
	for b = b[6:]; len(b) > 0; {
		if len(b) < 11 {
			return files, false
		}
		id, size := binary.LittleEndian.Uint32(b[1:]), uint64(binary.LittleEndian.Uint32(b[5:]))
		if uint64(len(b)) < 9+size+2 {
			return files, false
		}
		data := b[9 : 9+size]
		b = b[9+size+2:]
		switch id {
		case tnefRendData:
			if len(files) == maxTNEFFiles {
				return files, false
			}
			files = append(files, tnefFile{name: "document"})
		case tnefTitle:
			if n := len(files); n > 0 {
				files[n-1].name = tnefName(data)
			}
		case tnefAttachData:
			if n := len(files); n > 0 {
				files[n-1].data = data
			}
		}
	}
	return files, true
}

func tnefName(b []byte) string {
	name := cleanLine(string(bytes.TrimRight(b, "\x00")))
	name = path.Base(strings.ReplaceAll(name, "\\", "/"))
	if name == "" || name == "." || name == "/" {
		return "document"
	}
	return name
}
