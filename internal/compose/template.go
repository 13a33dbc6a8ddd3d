package compose

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"text/template"

	"postdesk/internal/config"
)

//go:embed templates
var builtin embed.FS

// MaxTemplate is the most that a template file may hold, in bytes.
const MaxTemplate = 64 << 10

// templateSet is the templates of one folder in one language, complete: what
// the folder lacks is the built-in one of the language, else of English.
type templateSet struct {
	lang   string
	mails  map[string]*mailTemplate
	canned map[string]*cannedAnswer
}

// mailTemplate is a file: "Subject: …" on the first line if it has one, then
// the text.
type mailTemplate struct {
	subject, body *template.Template
	room          int // bytes that its body seldom exceeds: links are longer than the words that make them
}

type signature struct{ tmpl *template.Template }

func setKey(folder, lang string) string { return folder + "\x00" + lang }

func (c *Composer) loadBuiltin() error {
	for _, lang := range []string{"en", "fr"} {
		set := newSet(lang)
		if err := set.readFolder(builtin, path.Join("templates", lang)); err != nil {
			return err
		}
		c.sets[setKey("", lang)] = set
	}
	return nil
}

func newSet(lang string) *templateSet {
	return &templateSet{lang: lang, mails: map[string]*mailTemplate{}, canned: map[string]*cannedAnswer{}}
}

// loadTeam reads a team's folder for its own language (files at the top) and for
// every language that has a folder of its own in it, and the signature.
func (c *Composer) loadTeam(t *config.Team, open func(string) fs.FS) error {
	if err := c.loadSignature(t.Signature); err != nil {
		return err
	}
	c.teams = append(c.teams, t)
	if t.Templates == "" {
		if c.sets[setKey("", t.Language)] == nil && t.Language != "" {
			return fmt.Errorf("language %q needs a templates folder; built in are en and fr", t.Language)
		}
		return nil
	}
	fsys := open(t.Templates)
	for _, lang := range folderLanguages(fsys, t.Language) {
		set, err := c.readTeamSet(fsys, lang, lang == t.Language)
		if err != nil {
			return fmt.Errorf("templates %s: %w", t.Templates, err)
		}
		c.sets[setKey(t.Templates, lang)] = set
	}
	return nil
}

func (c *Composer) loadSignature(text string) error {
	if text == "" || c.sigs[text] != nil {
		return nil
	}
	tmpl, err := template.New("signature").Option("missingkey=error").Parse(text)
	if err == nil {
		err = tmpl.Execute(new(bytes.Buffer), signatureData{})
	}
	if err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	c.sigs[text] = &signature{tmpl}
	return nil
}

// folderLanguages are the languages that a folder has: the team's, the built-in
// ones, and each sub-folder with a two-letter name.
func folderLanguages(fsys fs.FS, own string) []string {
	langs := []string{"en", "fr"}
	if own != "" && !slices.Contains(langs, own) {
		langs = append(langs, own)
	}
	entries, _ := fs.ReadDir(fsys, ".")
	for _, e := range entries {
		if e.IsDir() && len(e.Name()) == 2 && !slices.Contains(langs, e.Name()) {
			langs = append(langs, e.Name())
		}
	}
	return langs
}

func (c *Composer) readTeamSet(fsys fs.FS, lang string, own bool) (*templateSet, error) {
	base := c.sets[setKey("", lang)]
	if base == nil {
		base = c.sets[setKey("", "en")]
	}
	set := newSet(lang)
	for name, m := range base.mails {
		set.mails[name] = m
	}
	if own {
		if err := set.readFolder(fsys, "."); err != nil {
			return nil, err
		}
	}
	if err := set.readFolder(fsys, lang); err != nil && (!errors.Is(err, fs.ErrNotExist) || set.lang != lang) {
		return nil, err
	}
	return set, nil
}

// readFolder reads dir's *.txt and its canned answers.
func (s *templateSet) readFolder(fsys fs.FS, dir string) error {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		if dir != "." && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".txt"); ok && !e.IsDir() {
			if err := s.readMail(fsys, path.Join(dir, e.Name()), name); err != nil {
				return err
			}
		}
	}
	return s.readCanned(fsys, path.Join(dir, "canned"))
}

func (s *templateSet) readMail(fsys fs.FS, file, name string) error {
	text, err := readTemplate(fsys, file)
	if err != nil {
		return err
	}
	m, err := parseMail(file, text, s.lang)
	if err != nil {
		return err
	}
	if err := m.check(name); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	s.mails[name] = m
	return nil
}

func readTemplate(fsys fs.FS, file string) (string, error) {
	b, err := fs.ReadFile(fsys, file)
	if err != nil {
		return "", err
	}
	if len(b) > MaxTemplate {
		return "", fmt.Errorf("%s: %d bytes, more than %d", file, len(b), MaxTemplate)
	}
	return strings.ReplaceAll(strings.TrimPrefix(string(b), "\ufeff"), "\r\n", "\n"), nil
}

// parseMail cuts the subject off and parses both. The line numbers of errors
// are those of the file: the body is given the lines that stand before it.
func parseMail(file, text, lang string) (*mailTemplate, error) {
	m := &mailTemplate{}
	if rest, ok := strings.CutPrefix(text, "Subject:"); ok {
		subject, body, _ := strings.Cut(rest, "\n")
		t, err := template.New(file).Funcs(funcs(lang)).Parse(strings.TrimSpace(subject))
		if err != nil {
			return nil, err
		}
		m.subject = t
		text = "{{/*\n*/ -}}" + body
	}
	t, err := template.New(file).Funcs(funcs(lang)).Parse(text)
	if err != nil {
		return nil, err
	}
	m.body, m.room = t, 3*len(text)
	return m, nil
}

// check executes a template once with empty data, which finds what Parse can't:
// fields that do not exist.
func (m *mailTemplate) check(name string) error {
	data := sampleData(name)
	if m.subject != nil {
		if err := m.subject.Execute(new(bytes.Buffer), data); err != nil {
			return err
		}
	}
	return m.body.Execute(new(bytes.Buffer), data)
}

// set finds the templates for a team and language.
func (c *Composer) set(team *config.Team, lang string) *templateSet {
	folder := ""
	if team != nil {
		folder = team.Templates
		if lang == "" {
			lang = team.Language
		}
	}
	short := shortLanguage(lang)
	for _, key := range []string{setKey(folder, lang), setKey(folder, short), setKey("", short), setKey(folder, "en")} {
		if s := c.sets[key]; s != nil {
			return s
		}
	}
	return c.sets[setKey("", "fr")]
}

// shortLanguage is the language of a tag without country and script, RFC 5646
// §2.1: there are no templates of fr-CH.
func shortLanguage(tag string) string {
	lang, _, _ := strings.Cut(tag, "-")
	return strings.ToLower(lang)
}

// Speaks says whether a team has templates in a language of their own.
func (c *Composer) Speaks(team *config.Team, lang string) bool {
	lang = shortLanguage(lang)
	return c.sets[setKey("", lang)] != nil || team != nil && c.sets[setKey(team.Templates, lang)] != nil
}

// render executes a template: its subject, one line, and its marked text.
func (s *templateSet) render(name string, data any) (subject string, body marked, err error) {
	if subject, err = s.subject(name, data); err != nil {
		return "", "", err
	}
	body, err = s.body(name, data)
	return subject, body, err
}

// subject is "" for a template without one.
func (s *templateSet) subject(name string, data any) (string, error) {
	m := s.mails[name]
	if m == nil {
		return "", fmt.Errorf("compose: no template %q", name)
	}
	if m.subject == nil {
		return "", nil
	}
	var buf strings.Builder
	if err := m.subject.Execute(&buf, data); err != nil {
		return "", fmt.Errorf("compose: subject of %s: %w", name, err)
	}
	return cleanLine(buf.String()), nil
}

func (s *templateSet) body(name string, data any) (marked, error) {
	m := s.mails[name]
	if m == nil {
		return "", fmt.Errorf("compose: no template %q", name)
	}
	var buf strings.Builder
	buf.Grow(m.room)
	if err := m.body.Execute(&buf, data); err != nil {
		return "", fmt.Errorf("compose: template %s: %w", name, err)
	}
	return marked(strings.Trim(buf.String(), "\n")), nil
}
