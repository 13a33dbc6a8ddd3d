package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postdesk/internal/config"
	"postdesk/internal/ticket"
)

// withTemplates is a desk whose first team has a folder of templates.
func withTemplates(t *testing.T, files map[string]string) func(string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return func(config string) string {
		return strings.Replace(config, "language = \"fr\"\n", "language = \"fr\"\ntemplates = "+`"`+dir+`"`+"\n", 1)
	}
}

var warranty = map[string]string{
	"canned/garantie.txt":                "Bonjour {{.Customer.Name}},\n\nvotre demande {{.Ticket.Number}} est sous garantie ; voyez le formulaire ci-joint.\n{{.Team.Name}}\n",
	"canned/garantie/Formulaire n°1.pdf": "%PDF-1.4 formulaire",
	"canned/Délai.txt":                   "Comptez deux jours.\n",
	"en/canned/garantie.txt":             "Dear {{.Customer.Name}}, you have a warranty.\n",
}

// A canned answer stands above the agent's own words, with its variables and its
// files; alone it is an answer.
func TestATemplateIsAnAnswer(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withTemplates(t, warranty))
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Ma lampe", "Bonjour\n")

	anne.answers(copy, "#modèle GARANTIE\n#template delai\n\nÀ bientôt, Anne\n")
	reply := jean.reads()
	text := reply.text()
	d.says(reply, "Bonjour Jean Client,", "votre demande 10000 est sous garantie", "Comptez deux jours.", "À bientôt, Anne")
	if strings.Index(text, "garantie") > strings.Index(text, "Comptez") || strings.Index(text, "Comptez") > strings.Index(text, "À bientôt") {
		t.Errorf("in disorder:\n%s", text)
	}
	d.without(reply, "#modèle", "#template", "corp.example")
	files := reply.Attachments()
	if len(files) != 1 || files[0].FileName() != "Formulaire n°1.pdf" || files[0].MediaType != "application/pdf" || files[0].Text(100) != "%PDF-1.4 formulaire" {
		t.Errorf("attached: %d", len(files))
	}
	if used := d.happened(10000, ticket.CannedUsed); len(used) != 2 || used[0].Data["name"] != "garantie" || used[1].Data["name"] != "Délai" {
		t.Errorf("used: %+v", used)
	}

	// Alone it goes out too, and bears the signature.
	jean.answers(reply, "Merci. Et sinon ?\n")
	next := anne.reads()
	anne.answers(next, "#template délai\n")
	d.says(jean.reads(), "Comptez deux jours.", "Anne Durand")
	anne.hearsNothing()
	jean.hearsNothing()
}

// A name that is not there sends nothing, and comes back with those that are.
func TestATemplateThatIsNotThere(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withTemplates(t, warranty))
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Ma lampe", "Bonjour\n")
	anne.answers(copy, "#template garanti\nVoilà.\n")
	d.says(anne.reads(), "aucun modèle ne porte ce nom", "Délai, garantie", "#template garantie")
	anne.answers(copy, "#template ?\n")
	d.says(anne.reads(), "#modèle garantie", "Bonjour Jean Client, votre demande 10000", "Formulaire n°1.pdf", "#modèle Délai")
	anne.answers(copy, "#note\n#template délai\nPour nous.\n")
	d.says(anne.reads(), "un modèle s’insère dans une réponse au client")
	jean.hearsNothing()
	if kinds := d.messages(10000); strings.Contains(kinds, "out") || strings.Contains(kinds, "note") {
		t.Errorf("messages: %s", kinds)
	}
}

// In the language of the ticket where there is one, with the files of the other.
func TestATemplateInTheCustomersLanguage(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withTemplates(t, warranty))
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "My lamp", "Hello\n")
	anne.answers(copy, "#contact langue anglais\n")
	d.says(anne.reads(), "en")
	anne.answers(copy, "#template garantie\n")
	reply := jean.reads()
	d.says(reply, "Dear Jean Client, you have a warranty.")
	if len(reply.Attachments()) != 1 {
		t.Errorf("%d files", len(reply.Attachments()))
	}
}

// A folder that can't be used is refused with the configuration, and the old one
// stays.
func TestAReloadChecksTheTemplates(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withTemplates(t, warranty))
	broken := withTemplates(t, map[string]string{"canned/perdu/x.pdf": "x"})(d.config())
	cfg, err := config.Parse(filepath.Join(d.dir, "config.toml"), []byte(broken))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.srv.Reload(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "want perdu.txt beside it") {
		t.Errorf("reload: %v", err)
	}
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Ma lampe", "Bonjour\n")
	anne.answers(copy, "#template délai\n")
	d.says(jean.reads(), "Comptez deux jours.")
}

// From a client that writes HTML the text stands in both forms; who observes
// the ticket reads what the customer got.
func TestATemplateFromAnHTMLClient(t *testing.T) {
	t.Parallel()
	templates := withTemplates(t, warranty)
	d := newDesk(t, func(config string) string { return observed(templates(config)) })
	jean, anne, olga := d.jean(), d.anne(), d.person("Olga Visite", "olga.visite@corp.example")
	_, copy := d.ask(jean, anne, "Ma lampe", "Bonjour\n")
	olga.reads()
	to, mail := replyTo(copy, anne.String(), "", "X-Mailer: Outlook")
	head, _, _ := strings.Cut(mail, "\n\n")
	head = strings.Replace(head, "Content-Type: text/plain; charset=utf-8", `Content-Type: multipart/alternative; boundary="b"`, 1)
	mail = head + "\n\n--b\nContent-Type: text/plain; charset=utf-8\n\n#template garantie\n\nBonne journée\n\n--b\nContent-Type: text/html; charset=utf-8\n\n" +
		"<html><body><div class=WordSection1><p class=MsoNormal>#template&nbsp;garantie<o:p></o:p></p><p class=MsoNormal>Bonne journée<o:p></o:p></p></div></body></html>\n--b--\n"
	if err := anne.posts([]string{to}, anne.dated(mail)); err != nil {
		t.Fatal(err)
	}
	reply := jean.reads()
	for _, part := range []string{reply.TextPart().Text(1 << 20), reply.HTMLPart().Text(1 << 20)} {
		canned, own := strings.Index(part, "est sous garantie"), strings.Index(part, "Bonne journée")
		if canned < 0 || own < canned || strings.Contains(part, "#template") {
			t.Errorf("the answer:\n%s", part)
		}
	}
	if len(reply.Attachments()) != 1 {
		t.Errorf("%d files", len(reply.Attachments()))
	}
	seen := olga.reads()
	d.says(seen, "est sous garantie", "Bonne journée")
	if len(seen.Attachments()) != 1 {
		t.Errorf("the observer sees %d files", len(seen.Attachments()))
	}
}

// The guard reads what a template says, and #send sends it with its files.
func TestTheGuardReadsTemplates(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withTemplates(t, map[string]string{"canned/fuite.txt": "Écrivez à anne.durand@corp.example, c’est ci-joint.\n"}))
	jean, anne := d.jean(), d.anne()
	_, copy := d.ask(jean, anne, "Ma lampe", "Bonjour\n")
	anne.answers(copy, "#template fuite\n")
	notice := anne.reads()
	d.says(notice, "anne.durand@corp.example")
	jean.hearsNothing()
	anne.answers(notice, "#send\n")
	d.says(jean.reads(), "Écrivez à")
}
