//go:build interop

package server_test

import (
	"fmt"
	"strings"
	"testing"

	"postdesk/store"
)

// swaksWithTLS skips the test where swaks has no TLS.
func swaksWithTLS(t *testing.T) {
	t.Helper()
	if out, _ := run(t, nil, "swaks", "--support"); !strings.Contains(out, "TLS supported") {
		t.Skip("swaks has no TLS: libnet-ssleay-perl is not installed")
	}
}

// swaks against the direct MX.
func TestSwaksOnTheMX(t *testing.T) {
	swaksWithTLS(t)
	d := newDesk(t, func(config string) string {
		return strings.Replace(config, "[limits]\n", "[limits]\nmessage_size = \"1MB\"\n", 1)
	})
	n := 0
	mail := func(body string) string {
		n++
		return letter("Jean <jean@client.example>", "relationclient@example.com", fmt.Sprintf("s%d@client.example", n), "Question", body)
	}
	for _, c := range []struct {
		what, to, body string
		more           []string
		code           int
		want           string
	}{
		{"plain", "relationclient@example.com", "Bonjour\n", nil, 0, "250 2.0.0"},
		{"STARTTLS", "relationclient@example.com", "Bonjour 2\n", []string{"--tls"}, 0, "TLS started"},
		{"pipelined", "relationclient@example.com", "Bonjour 3\n", []string{"--pipeline"}, 0, "250 2.0.0"},
		{"pipelined in TLS", "relationclient@example.com", "Bonjour 4\n", []string{"--tls", "--pipeline"}, 0, "250 2.0.0"},
		{"HELO", "relationclient@example.com", "Bonjour 5\n", []string{"--protocol", "SMTP"}, 0, "250 2.0.0"},
		{"dots", "relationclient@example.com", ".\n..\n.a\n", nil, 0, "250 2.0.0"},
		{"relay", "someone@elsewhere.example", "Bonjour\n", nil, 24, "<** 550 5.7.1"},
		{"no such address", "nobody@example.com", "Bonjour\n", nil, 24, "<** 550 5.1.1"},
		{"no AUTH here", "relationclient@example.com", "Bonjour\n", []string{"--tls", "--auth", "--auth-user", "anne", "--auth-password", "x"}, 28, ""},
		{"too big", "relationclient@example.com", strings.Repeat("0123456789\n", 200_000), nil, 26, "<** 552 5.3.4"},
		{"pipelined, too big", "relationclient@example.com", strings.Repeat("0123456789\n", 200_000), []string{"--pipeline"}, 26, "<** 552 5.3.4"},
	} {
		out, code := swaks(t, d.srv.Addr("mx"), "jean@client.example", c.to, mail(c.body), append(c.more, "--suppress-data")...)
		if code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("%s: swaks says %d, want %d and %q:\n%s", c.what, code, c.code, c.want, out)
		}
	}
	d.ticketsAre(6)
}

// ticketsAre checks how many there are.
func (d *desk) ticketsAre(n uint64) {
	d.Helper()
	d.view(func(tx store.ReadTx) error {
		if _, err := store.GetTicket(tx, 9999+n); err != nil {
			d.Errorf("fewer than %d tickets: %v", n, err)
		}
		if _, err := store.GetTicket(tx, 10000+n); err == nil {
			d.Errorf("more than %d tickets", n)
		}
		return nil
	})
}

// swaks as a mail client.
func TestSwaksSubmits(t *testing.T) {
	swaksWithTLS(t)
	d := newDesk(t, nil)
	n := 0
	anne := []string{"--auth-user", "anne", "--auth-password", "secret of anne"}
	byAddress := []string{"--auth-user", "anne.durand@corp.example", "--auth-password", "secret of anne"}
	wrong := []string{"--auth-user", "anne", "--auth-password", "secret of eve"}
	for _, c := range []struct {
		what, from, to string
		more           []string
		code           int
		want           string
	}{
		{"PLAIN", "anne.durand@corp.example", "relationclient@example.com", append([]string{"--tls", "--auth", "PLAIN"}, anne...), 0, "235 2.7.0"},
		{"LOGIN", "anne.durand@corp.example", "relationclient@example.com", append([]string{"--tls", "--auth", "LOGIN"}, byAddress...), 0, "235 2.7.0"},
		{"wrong password", "anne.durand@corp.example", "relationclient@example.com", append([]string{"--tls", "--auth", "PLAIN"}, wrong...), 28, "535 5.7.8"},
		{"wrong password by LOGIN", "anne.durand@corp.example", "relationclient@example.com", append([]string{"--tls", "--auth", "LOGIN"}, wrong...), 28, "535 5.7.8"},
		{"AUTH without TLS", "anne.durand@corp.example", "relationclient@example.com", append([]string{"--auth", "PLAIN"}, anne...), 28, ""},
		{"TLS without AUTH", "anne.durand@corp.example", "relationclient@example.com", []string{"--tls"}, 23, "<~* 530 5.7.0"},
		{"another's address", "bruno.petit@corp.example", "relationclient@example.com", append([]string{"--tls", "--auth", "PLAIN"}, anne...), 23, "<~* 550"},
		{"private mail", "anne.durand@corp.example", "friend@elsewhere.example", append([]string{"--tls", "--auth", "PLAIN"}, anne...), 26, "<~* 550 5.7.1"},
		{"to a customer", "relationclient@example.com", "jean@client.example", append([]string{"--tls", "--auth", "PLAIN"}, anne...), 0, "250 2.0.0"},
	} {
		n++
		mail := letter("Anne <"+c.from+">", c.to, fmt.Sprintf("s%d@corp.example", n), "Demande", fmt.Sprintf("Bonjour %d,\nvoici la suite.\n", n))
		out, code := swaks(t, d.srv.Addr("submission"), c.from, c.to, mail, append(c.more, "--helo", "laptop")...)
		if code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("%s: swaks says %d, want %d and %q:\n%s", c.what, code, c.code, c.want, out)
		}
	}
	d.ticketsAre(3)
	d.quiet(d.customers, 1)
	if m := d.arrives(d.customers, 1); m.To[0] != "jean@client.example" || !strings.HasPrefix(m.Header.Mailboxes("From")[0].Name, "Anne Durand") {
		t.Errorf("to %v:\n%s", m.To, m.Raw)
	}
}

// smtplib sends 8-bit and internationalised mails, and hears of the size.
const smtplib = `
import smtplib, sys
from email.message import EmailMessage
from email import policy
host, port = sys.argv[1].rsplit(':', 1)
s = smtplib.SMTP(host, int(port), local_hostname='mx.client.example')
s.ehlo()
for e in ('8bitmime', 'smtputf8', 'size', 'pipelining', 'starttls', 'enhancedstatuscodes'):
    assert s.has_extn(e), e
def mail(who, subject, text, pol):
    m = EmailMessage(policy=pol)
    m['From'], m['To'], m['Subject'] = who, 'relationclient@example.com', subject
    m['Message-ID'] = '<%s@client.example>' % abs(hash(text))
    m.set_content(text, cte='8bit')
    return m
print(s.send_message(mail('jean@client.example', 'Accents', 'Où est mon colis ?\n', policy.SMTP.clone(cte_type='8bit'))))
print(s.send_message(mail('Jürgen <jürgen@client.example>', 'Größe', 'Größe ändern\n', policy.SMTPUTF8)))
try:
    s.sendmail('jean@client.example', ['relationclient@example.com'], b'Subject: x\r\n\r\n' + b'0123456789\r\n' * 200000)
    print('taken')
except smtplib.SMTPSenderRefused as e:
    print('refused', e.smtp_code, e.smtp_error.decode().split()[0])
s.quit()
`

// Python's smtplib speaks SMTPUTF8 and 8BITMIME with the MX.
func TestSmtplibOnTheMX(t *testing.T) {
	python := systemPython(t, "smtplib")
	d := newDesk(t, func(config string) string {
		return strings.Replace(config, "[limits]\n", "[limits]\nmessage_size = \"1MB\"\n", 1)
	})
	out, code := run(t, nil, "env", "PYTHONHASHSEED=1", python, "-c", smtplib, d.srv.Addr("mx"))
	if want := "{}\n{}\nrefused 552 5.3.4\n"; code != 0 || out != want {
		t.Fatalf("smtplib says %d:\n%s", code, out)
	}
	d.ticketsAre(2)
	if raw := d.rawOf(10000); !strings.Contains(raw, "Où est mon colis ?") {
		t.Errorf("the 8-bit mail:\n%s", raw)
	}
	if raw := d.rawOf(10001); !strings.Contains(raw, "From: Jürgen <jürgen@client.example>\r\n") {
		t.Errorf("the internationalised mail:\n%s", raw)
	}
	d.view(func(tx store.ReadTx) error {
		tk, err := store.GetTicket(tx, 10001)
		if err == nil && (tk.Requester() == nil || tk.Requester().Address.String() != "jürgen@client.example" || tk.Subject != "Größe") {
			t.Errorf("ticket: %+v", tk)
		}
		return err
	})
	// The acknowledgement can go where SMTPUTF8 is spoken, and the copy everywhere.
	d.arrives(d.customers, 2)
	d.arrives(d.agents, 2)
}
