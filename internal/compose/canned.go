package compose

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"text/template"
	"unicode/utf8"

	"postdesk/internal/alike"
	"postdesk/internal/config"
	"postdesk/internal/message"
)

// Bounds of canned answers: the files are kept in memory, and go out with every
// answer that uses them.
const (
	// MaxCannedFiles is how many files an answer may bring.
	MaxCannedFiles = 10
	// MaxCannedSize is the most that the files of an answer may hold together, in
	// bytes.
	MaxCannedSize = 10 << 20
	// maxCannedFolder is the same for all answers of a folder.
	maxCannedFolder = 100 << 20
)

// cannedAnswer is canned/NAME.txt, with the files of canned/NAME/.
type cannedAnswer struct {
	name  string
	text  *template.Template
	files []message.File
}

// Canned is a canned answer, filled in.
type Canned struct {
	Name  string
	Text  string
	Files []message.File
}

// CannedData is what a canned answer may use.
type CannedData struct {
	Ticket   Ticket
	Team     TeamData
	Agent    AgentData
	Customer CustomerData
}

// Canned fills the variables of a canned answer (#template name) in the
// ticket's language, else in the team's. The name is compared without case and
// accents. The error for a name that does not exist is an *UnknownCanned.
func (c *Composer) Canned(team *config.Team, lang, name string, data CannedData) (Canned, error) {
	answers := c.cannedOf(team, lang)
	a := answers[alike.Name(name)]
	if a == nil {
		err := &UnknownCanned{Name: cleanLine(name)}
		for _, a := range answers {
			err.Known = append(err.Known, a.name)
		}
		slices.Sort(err.Known)
		return Canned{}, err
	}
	data.Ticket, data.Customer = data.Ticket.clean(), data.Customer.clean()
	var buf bytes.Buffer
	if err := a.text.Execute(&buf, data); err != nil {
		return Canned{}, fmt.Errorf("compose: canned answer %s: %w", a.name, err)
	}
	return Canned{Name: a.name, Text: cleanText(strings.TrimSpace(buf.String())), Files: a.files}, nil
}

// CannedNames are the canned answers that a team has for a ticket's language,
// by name, each filled in with data. One that can't be is left out.
func (c *Composer) CannedNames(team *config.Team, lang string, data CannedData) []Canned {
	var list []Canned
	for name := range c.cannedOf(team, lang) {
		if a, err := c.Canned(team, lang, name, data); err == nil {
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(a, b Canned) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// cannedOf are the answers of a team by folded name: those of the language, and
// what only the team's own language has. An answer without files takes those of
// the other.
func (c *Composer) cannedOf(team *config.Team, lang string) map[string]*cannedAnswer {
	all := map[string]*cannedAnswer{}
	for _, set := range []*templateSet{c.set(team, ""), c.set(team, lang)} {
		for key, a := range set.canned {
			if other := all[key]; other != nil && len(a.files) == 0 && len(other.files) > 0 {
				a = &cannedAnswer{name: a.name, text: a.text, files: other.files}
			}
			all[key] = a
		}
	}
	return all
}

// UnknownCanned says that a team has no canned answer of that name.
type UnknownCanned struct {
	Name  string
	Known []string // in order
}

// Error lists the names that exist.
func (e *UnknownCanned) Error() string {
	if len(e.Known) == 0 {
		return fmt.Sprintf("no canned answer %q: the team has none", e.Name)
	}
	return fmt.Sprintf("no canned answer %q; there are %s", e.Name, strings.Join(e.Known, ", "))
}

// Closest are the names nearest to what was typed; all, when none is near and
// they are few.
func (e *UnknownCanned) Closest() []string {
	if near := alike.Closest(e.Name, e.Known); len(near) > 0 {
		return near
	}
	return e.Known[:min(len(e.Known), 10)]
}

// readCanned reads the canned answers of a folder, with their files.
func (s *templateSet) readCanned(fsys fs.FS, dir string) error {
	entries, err := fs.ReadDir(fsys, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".txt"); ok && !e.IsDir() && !hidden(name) {
			if err := s.readCannedText(fsys, dir, name); err != nil {
				return err
			}
		}
	}
	left := int64(maxCannedFolder)
	for _, e := range entries {
		if !e.IsDir() || hidden(e.Name()) {
			continue
		}
		a := s.canned[alike.Name(e.Name())]
		if a == nil || a.name != e.Name() {
			return fmt.Errorf("%s: a folder of files for an answer that is not there; want %s.txt beside it", path.Join(dir, e.Name()), e.Name())
		}
		if err := a.readFiles(fsys, path.Join(dir, e.Name()), &left); err != nil {
			return err
		}
	}
	return nil
}

func (s *templateSet) readCannedText(fsys fs.FS, dir, name string) error {
	file := path.Join(dir, name+".txt")
	text, err := readTemplate(fsys, file)
	if err != nil {
		return err
	}
	t, err := template.New(file).Option("missingkey=error").Parse(text)
	if err == nil {
		err = t.Execute(new(bytes.Buffer), CannedData{})
	}
	if err != nil {
		return err
	}
	key := alike.Name(name)
	if other := s.canned[key]; key == "" || other != nil && path.Dir(other.text.Name()) == dir {
		return fmt.Errorf("%s: want a name with letters that no other answer bears: case and accents do not count", file)
	}
	s.canned[key] = &cannedAnswer{name: name, text: t}
	return nil
}

// hidden are files that no one put there: ".DS_Store", "~$letter.docx".
func hidden(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "~") || strings.EqualFold(name, "Thumbs.db")
}

// readFiles reads the files that go out with an answer.
func (a *cannedAnswer) readFiles(fsys fs.FS, dir string, left *int64) error {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return err
	}
	size := int64(0)
	for _, e := range entries {
		if hidden(e.Name()) {
			continue
		}
		file := path.Join(dir, e.Name())
		info, err := fs.Stat(fsys, file)
		switch {
		case err != nil:
			return err
		case !info.Mode().IsRegular():
			return fmt.Errorf("%s: want a file", file)
		case len(a.files) == MaxCannedFiles:
			return fmt.Errorf("%s: more than %d files", dir, MaxCannedFiles)
		case size+info.Size() > MaxCannedSize:
			return fmt.Errorf("%s: more than %d MB of files for one answer", dir, MaxCannedSize>>20)
		case info.Size() > *left:
			return fmt.Errorf("%s: more than %d MB of files for all answers", file, maxCannedFolder>>20)
		}
		data, err := fs.ReadFile(fsys, file)
		if err != nil {
			return err
		}
		size += int64(len(data))
		*left -= int64(len(data))
		a.files = append(a.files, cannedFile(e.Name(), data))
	}
	return nil
}

// cannedFile is a file to attach. The type follows from the name by a list of our own:
// what a machine's tables say is another thing on every machine.
func cannedFile(name string, data []byte) message.File {
	f := message.File{MediaType: mediaTypes[strings.ToLower(path.Ext(name))], Name: name, Disposition: "attachment", Data: message.BytesSource(data)}
	if f.MediaType == "" {
		f.MediaType = "application/octet-stream"
	}
	if strings.HasPrefix(f.MediaType, "text/") && utf8.Valid(data) {
		f.Params = map[string]string{"charset": "utf-8"}
	}
	return f
}

var mediaTypes = map[string]string{
	".pdf": "application/pdf", ".txt": "text/plain", ".csv": "text/csv",
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".svg": "image/svg+xml", ".webp": "image/webp",
	".doc": "application/msword", ".xls": "application/vnd.ms-excel", ".ppt": "application/vnd.ms-powerpoint", ".rtf": "application/rtf",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	".odt":  "application/vnd.oasis.opendocument.text", ".ods": "application/vnd.oasis.opendocument.spreadsheet",
	".zip": "application/zip", ".mp4": "video/mp4", ".mp3": "audio/mpeg",
}

// filesBelow is the body of a mail with files at its end.
func filesBelow(body message.Content, files []message.File) message.Content {
	if len(files) == 0 {
		return body
	}
	parts := []message.Content{body}
	for _, f := range files {
		parts = append(parts, message.DataContent(f))
	}
	return message.MultipartContent("mixed", nil, parts...)
}
