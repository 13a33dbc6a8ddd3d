package message

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"postdesk/internal/testkit"
)

// forwards are what mail programs write, with the words that differ between
// languages.
var forwards = []struct {
	program, text string
	above         string
	from          string
	subject, body string
	named         bool
}{
	{"Gmail, French", "Pour information.\n\n---------- Forwarded message ---------\nDe : Jean Client <jean@client.example>\nDate: mar. 17 nov. 2026 à 10:12\nSubject: Panne de ma pompe\nTo: <anne.durand@corp.example>\n\n\nBonjour,\nma pompe fuit.\n",
		"Pour information.", `"Jean Client" <jean@client.example>`, "Panne de ma pompe", "Bonjour,\nma pompe fuit.", true},
	{"Gmail, English, bold", "---------- Forwarded message ---------\nFrom: *Jean Client* <jean@client.example>\nDate: Tue, Nov 17, 2026 at 10:12 AM\nSubject: Pump\nTo: <anne.durand@corp.example>\n\nHello\n",
		"", `"Jean Client" <jean@client.example>`, "Pump", "Hello", true},
	{"Outlook, French", "Bonjour à tous, à traiter svp\n\nAnne\n\n________________________________\nDe : Jean Client <jean@client.example>\nEnvoyé : mardi 17 novembre 2026 10:12\nÀ : Anne Durand <anne.durand@corp.example>\nObjet : Panne de ma pompe\n\nBonjour,\nma pompe fuit.\n",
		"Bonjour à tous, à traiter svp\n\nAnne", `"Jean Client" <jean@client.example>`, "Panne de ma pompe", "Bonjour,\nma pompe fuit.", false},
	{"Outlook, mailto", "De\u00a0: Jean Client [mailto:jean@client.example] \nEnvoyé\u00a0: mardi 17 novembre 2026 10:12\nÀ\u00a0: Anne Durand\nCc\u00a0: Paul;\n Marc\nObjet\u00a0: Panne\n\nBonjour\n",
		"", `"Jean Client" <jean@client.example>`, "Panne", "Bonjour", false},
	{"Outlook, link echo", "From: jean@client.example<mailto:jean@client.example> <jean@client.example<mailto:jean@client.example>>\nSent: Tuesday, November 17, 2026 10:12 AM\nTo: Anne\nSubject: Pump\n\nHello\n",
		"", "jean@client.example", "Pump", "Hello", false},
	{"Outlook, -----Message d'origine-----", "-----Message d'origine-----\nDe : Jean Client <jean@client.example> \nEnvoyé : mardi 17 novembre 2026 10:12\nÀ : Anne Durand\nObjet : Panne\n\nBonjour\n",
		"", `"Jean Client" <jean@client.example>`, "Panne", "Bonjour", false},
	{"Outlook, Exchange shows no address", "De : Jean Client\nEnvoyé : mardi 17 novembre 2026 10:12\nÀ : Anne Durand\nObjet : Panne\n\nBonjour\n",
		"", `Jean Client`, "Panne", "Bonjour", false},
	{"Apple Mail, French", "Voir ci-dessous\n\nDébut du message réexpédié :\n\n> De: Jean Client <jean@client.example>\n> Objet: Panne de ma pompe\n> Date: 17 novembre 2026 à 10:12:00 UTC+1\n> À: anne.durand@corp.example\n> \n> Bonjour,\n> > cité\n> ma pompe fuit.\n",
		"Voir ci-dessous", `"Jean Client" <jean@client.example>`, "Panne de ma pompe", "Bonjour,\n> cité\nma pompe fuit.", true},
	{"Apple Mail, English", "Begin forwarded message:\n\nFrom: Jean Client <jean@client.example>\nSubject: Pump\nDate: November 17, 2026 at 10:12:00 GMT+1\nTo: anne.durand@corp.example\n\nHello\n",
		"", `"Jean Client" <jean@client.example>`, "Pump", "Hello", true},
	{"iPhone", "Envoyé de mon iPhone\n\nDébut du message transféré :\n\n> De: jean@client.example\n> Date: 17 novembre 2026 à 10:12:00 UTC+1\n> À: Anne Durand <anne.durand@corp.example>\n> Objet: Panne\n> \n> \uFEFFBonjour\n",
		"Envoyé de mon iPhone", "jean@client.example", "Panne", "Bonjour", true},
	{"Thunderbird, French", "À voir\n\n-------- Message transféré --------\nSujet : \tPanne de ma pompe\nDate : \tTue, 17 Nov 2026 10:12:00 +0100\nDe : \tJean Client <jean@client.example>\nPour : \tAnne Durand <anne.durand@corp.example>\nCopie à : \tPaul <paul@client.example>\n\n\n\nBonjour\n",
		"À voir", `"Jean Client" <jean@client.example>`, "Panne de ma pompe", "Bonjour", true},
	{"Thunderbird, English", "-------- Forwarded Message --------\nSubject: \tPump\nDate: \tTue, 17 Nov 2026 10:12:00 +0100\nFrom: \tJean Client <jean@client.example>\nTo: \tanne.durand@corp.example\n\n\nHello\n",
		"", `"Jean Client" <jean@client.example>`, "Pump", "Hello", true},
	{"Thunderbird, a table", "-------- Message transféré --------\nSujet : | Panne de ma pompe\nDate : | Tue, 17 Nov 2026 10:12:00 +0100\nDe : | Jean Client <jean@client.example>\nPour : | anne.durand@corp.example\n\nBonjour\n",
		"", `"Jean Client" <jean@client.example>`, "Panne de ma pompe", "Bonjour", true},
	{"Samsung", "Envoyé depuis mon appareil Galaxy\n\n-------- Message d'origine --------\nDe : Jean Client <jean@client.example> \nDate : 17/11/2026 10:12 (GMT+01:00) \nÀ : anne.durand@corp.example \nObjet : Panne \n\nBonjour\n",
		"Envoyé depuis mon appareil Galaxy", `"Jean Client" <jean@client.example>`, "Panne", "Bonjour", false},
	{"Outlook for iOS", "Télécharger Outlook pour iOS<https://aka.ms/o0ukef>\n________________________________\nDe : Jean Client <jean@client.example>\nEnvoyé : mardi, novembre 17, 2026 10:12\nÀ : Anne Durand <anne.durand@corp.example>\nObjet : Panne\n\nBonjour\n",
		"Télécharger Outlook pour iOS<https://aka.ms/o0ukef>", `"Jean Client" <jean@client.example>`, "Panne", "Bonjour", false},
	{"Yahoo, French", "----- Message transféré -----De : Jean Client <jean@client.example>\n", "", "", "", "", false},
	{"Zimbra", "----- Mail transféré -----\nDe: \"Jean Client\" <jean@client.example>\nÀ: \"anne durand\" <anne.durand@corp.example>\nEnvoyé: Mardi 17 Novembre 2026 10:12:00\nObjet: Panne\n\nBonjour\n",
		"", `"Jean Client" <jean@client.example>`, "Panne", "Bonjour", true},
	{"Proton", "------- Forwarded Message -------\nFrom: Jean Client <jean@client.example>\nDate: On Tuesday, November 17th, 2026 at 10:12\nSubject: Pump\nTo: Anne <anne.durand@corp.example>\n\nHello\n",
		"", `"Jean Client" <jean@client.example>`, "Pump", "Hello", true},
	{"Orange", "> Message du 17/11/26 10:12\n> De : \"Jean Client\" <jean@client.example>\n> A : anne.durand@corp.example\n> Copie à : \n> Objet : Panne\n>\n> Bonjour\n",
		"> Message du 17/11/26 10:12", `"Jean Client" <jean@client.example>`, "Panne", "Bonjour", false},
	{"a paragraph for each line", "---------- Forwarded message ---------\n\nFrom: Jean Client <jean@client.example>\n\nDate: today\n\nSubject: Pump\n\nHello\n",
		"", `"Jean Client" <jean@client.example>`, "Pump", "Hello", true},
	{"a subject over two lines", "---------- Forwarded message ----------\nFrom: Jean Client <jean@client.example>\nSubject: A pump that\nleaks\nTo: anne\n\nHello: it leaks\n",
		"", `"Jean Client" <jean@client.example>`, "A pump that leaks", "Hello: it leaks", true},
	{"a person's own list", "De : Paris\nÀ : Lyon\nDate : mardi\n\nMerci\n", "", "", "", "", false},
	{"a sentence", "Forwarded message: see below\nFrom: here to there\n", "", "", "", "", false},
	{"nothing", "Bonjour,\nma pompe fuit.\n", "", "", "", "", false},
}

func TestFindForward(t *testing.T) {
	for _, c := range forwards {
		t.Run(c.program, func(t *testing.T) {
			f, ok := FindForward(c.text)
			if ok != (c.from != "") {
				t.Fatalf("found %v: %+v", ok, f)
			}
			from := f.From.Name
			if !f.From.Address.IsZero() {
				from = FormatMailbox(f.From)
				if f.From.Name != "" {
					from = `"` + f.From.Name + `" <` + f.From.Address.String() + ">"
				}
			}
			if from != c.from || f.Subject != c.subject || f.Text != c.body || f.Above != c.above || f.Named != c.named {
				t.Errorf("%q\nabove %q\nsubject %q\ntext %q\nnamed %v", from, f.Above, f.Subject, f.Text, f.Named)
			}
		})
	}
}

// Who is named twice is nobody, and a forward within a forward is found by
// asking again.
func TestFindForwardWithinForward(t *testing.T) {
	f, ok := FindForward("Fyi\n\n---------- Forwarded message ---------\nFrom: Bruno <bruno.petit@corp.example>\nDate: x\nSubject: Fwd: Pump\nTo: a@b.example\n\nSee.\n\n" + forwards[0].text)
	if !ok || f.From.Address.String() != "bruno.petit@corp.example" {
		t.Fatalf("%+v", f)
	}
	f, ok = FindForward(f.Text)
	if !ok || f.From.Address.String() != "jean@client.example" || f.Text != "Bonjour,\nma pompe fuit." {
		t.Fatalf("%+v", f)
	}
	f, ok = FindForward("From: a@b.example, c@d.example\nSent: x\nSubject: y\n\nz")
	if !ok || !f.From.Address.IsZero() {
		t.Errorf("%v %+v", ok, f)
	}
}

// A long text of what looks like headers costs little: agents' mail is read while other mail waits.
func TestFindForwardIsQuick(t *testing.T) {
	for _, unit := range []string{"From: a@b.example\n", "> From: x\n> To: y\n", "-----Original Message-----\n", "---------- Forwarded message ---------\n\n", "To: a,\n", "<[mailto:",
		"On Mon, 1 Jan 2024 at 10:00, Jean <jean@client.example> wrote:\n", "On Mon, 1 Jan\nJean x:\n", "-----Original Message-----\nFrom: <[mailto:\n"} {
		text := strings.Repeat(unit, (1<<20)/len(unit))
		before := testkit.CPU()
		if _, ok := FindForward(text); ok && !strings.Contains(unit, "From") {
			t.Errorf("found one in %q", unit)
		}
		if used := testkit.CPU() - before; used > 100*time.Millisecond*testkit.RaceFactor {
			t.Errorf("%q: %v", unit, used)
		}
	}
}

// A forward is found whole below a long text, and not below one that no agent writes.
func TestFindForwardBelowLongText(t *testing.T) {
	forward := "---------- Forwarded message ---------\nFrom: Jean <jean@client.example>\nDate: x\nSubject: y\n\n" + strings.Repeat("the pump leaks\n", 20_000)
	f, ok := FindForward(strings.Repeat("my own words\n", 5000) + forward)
	if !ok || len(f.Text) != len("the pump leaks\n")*20_000-1 {
		t.Errorf("%v %d", ok, len(f.Text))
	}
	if _, ok := FindForward(strings.Repeat("my own words\n", 10_000) + forward); ok {
		t.Error("found one far below")
	}
	long := "From: Jean <jean@client.example>\nDate: x\nSubject: " + strings.Repeat("y", 200<<10) + "\n\nthe pump leaks"
	if f, ok := FindForward("-----Original Message-----\n" + long); !ok || !strings.HasSuffix(f.Text, "the pump leaks") {
		t.Errorf("%v: its text ends otherwise", ok)
	}
}

func FuzzFindForward(f *testing.F) {
	for _, c := range forwards {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fw, ok := FindForward(text)
		if !ok {
			return
		}
		if !strings.HasPrefix(strings.TrimSpace(text), fw.Above) {
			t.Fatalf("above is not the beginning: %q", fw.Above)
		}
		if utf8.ValidString(text) && (!utf8.ValidString(fw.Text) || !utf8.ValidString(fw.Subject)) {
			t.Fatal("invalid UTF-8")
		}
		if strings.ContainsAny(fw.Subject+fw.Date+fw.From.Name, "\r\n\x00") {
			t.Fatalf("%q %q %q", fw.Subject, fw.Date, fw.From.Name)
		}
		if len(fw.Text) >= len(text) {
			t.Fatal("nothing was taken away")
		}
	})
}

// Mails of other people's corpora: what a forward is there, is one here.
func TestFindForwardInCorpora(t *testing.T) {
	dir := filepath.Join(corpora(t), "reply-trimmer", "emails")
	for name, subject := range map[string]string{
		"forwarded_apple.txt": "This email is going to be forwarded", "forwarded_gmail.txt": "This email is going to be forwarded",
		"forwarded_message.txt": "Some subject that spans over 2 lines",
	} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		f, ok := FindForward(string(raw))
		if !ok || !f.Named || f.Subject != subject || f.From.Address.IsZero() || f.Text == "" || strings.HasPrefix(f.Text, ">") {
			t.Errorf("%s: %v %+v", name, ok, f)
		}
	}
	all, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if f, ok := FindForward(string(raw)); ok && f.Named && !strings.Contains(strings.ToLower(string(raw)), "forward") {
			t.Errorf("%s is no forward: %+v", name, f)
		}
	}
}
