//go:build interop

package server_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"postdesk/internal/message"
	"postdesk/internal/testkit"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// The settings of docs/behind-postfix.md, for one domain: mailboxes and generic
// addresses at example.com, one map as transport and as list of recipients, the
// token domain passed on. Instead of a login, 127.0.0.1 is Anne. Mail for the
// customers' domain goes to a sink.
const frontMain = `recipient_delimiter = +
transport_maps = hash:$etc/postdesk inline:{ client.example=smtp:[127.0.0.1]:CUSTOMERS }
virtual_mailbox_domains = example.com
virtual_mailbox_base = MAIL
virtual_mailbox_maps = hash:$etc/vmailbox hash:$etc/postdesk
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
relay_domains = desk.example.com
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination, reject_unverified_recipient
unverified_recipient_reject_reason = no such address
unverified_recipient_reject_code = 550
address_verify_negative_refresh_time = 1m
address_verify_sender = postmaster@example.com
address_verify_poll_count = 10
address_verify_poll_delay = 1s
message_size_limit = 36700160
smtpd_sender_restrictions = check_sender_access hash:$etc/results
`

// front is Postfix in front of a desk.
type front struct {
	*desk
	postfix *postfix
}

// way is how Postfix reaches postdesk: the words of docs/behind-postfix.md.
type way struct{ nexthop, listener, peer string }

// ways are all of them, by name.
func (p *postfix) way(name string) way {
	at := "127.0.0.1:" + freePort(p)
	return map[string]way{
		"inet": {"lmtp:inet:" + at, fmt.Sprintf("lmtp = [%q]", at), "127.0.0.1"},
		"unix": {"lmtp:unix:postdesk/lmtp", fmt.Sprintf("lmtp = [%q]", "unix:"+p.at("queue/postdesk/lmtp")), "unix"},
		"smtp": {"smtp:[127.0.0.1]:" + port(at), fmt.Sprintf("mx = [%q]", at), "127.0.0.1"},
	}[name]
}

// newFront starts both. by names the way of mails to postdesk, routes are more
// lines of the transport map with the agents' sink as AGENTS, and more goes into
// main.cf.
func newFront(t *testing.T, by, routes, more string) *front {
	p := newPostfix(t)
	way := p.way(by)
	d := newDesk(t, func(config string) string {
		config = strings.Replace(oneDomain(config), `lmtp = ["127.0.0.1:0"]`+"\nmx = [\"127.0.0.1:0\"]", way.listener, 1)
		config = strings.Replace(config, `frontends = ["127.0.0.1"]`, fmt.Sprintf("frontends = [%q]", way.peer), 1)
		return throughSmarthost(config, p.addr())
	})
	p.write("postdesk", fmt.Sprintf("relationclient@example.com %[1]s\nsav@example.com %[1]s\nexport@example.com %[1]s\ndesk.example.com %[1]s\n", way.nexthop)+
		strings.ReplaceAll(routes, "AGENTS", port(d.agents.Addr)), true)
	p.write("vmailbox", "anne.durand@example.com anne/\nbruno.petit@example.com bruno/\nit@example.com it/\n", true)
	// What a milter would write.
	p.write("results", "jean@client.example PREPEND Authentication-Results: front.example.com; spf=pass smtp.mailfrom=jean@client.example\n"+
		"anne.durand@example.com PREPEND Authentication-Results: front.example.com; auth=pass smtp.auth=anne.durand@example.com\n", true)
	p.start(strings.NewReplacer("CUSTOMERS", port(d.customers.Addr), "MAIL", p.at("mail")).Replace(frontMain + more))
	return &front{d, p}
}

// outside plays a customer's mail server.
func (f *front) outside(from, to, mail string) {
	f.Helper()
	if out, code := swaks(f.T, f.postfix.addr(), from, to, mail); code != 0 {
		f.Fatalf("swaks says %d:\n%s", code, out)
	}
}

// mailbox waits for the n-th mail in a Maildir.
func (f *front) mailbox(who string, n int) received {
	f.Helper()
	for end := time.Now().Add(wait); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		list := f.maildir(who)
		if len(list) < n {
			continue
		}
		raw, err := os.ReadFile(list[n-1])
		if err != nil {
			continue // read by a mail client in between
		}
		return parse(f.T, testkit.Received{To: []string{who}, Raw: []byte(crlf(string(raw)))})
	}
	f.Fatalf("%s has %d mails, want %d", who, len(f.maildir(who)), n)
	return received{}
}

// maildir lists the files of a Maildir, oldest first.
func (f *front) maildir(who string) []string {
	list, _ := filepath.Glob(f.postfix.at("mail/" + who + "/new/*"))
	seen, _ := filepath.Glob(f.postfix.at("mail/" + who + "/cur/*"))
	list = append(list, seen...)
	age := func(path string) time.Time {
		info, err := os.Stat(path)
		if err != nil {
			return time.Time{} // moved from new to cur in between: the next look finds it
		}
		return info.ModTime()
	}
	slices.SortFunc(list, func(a, b string) int { return age(a).Compare(age(b)) })
	return list
}

// neomutt answers the newest mail of Anne's mailbox: it opens it, presses the
// key, writes text above the quote, and sends through Postfix.
func (f *front) neomutt(key, text string) {
	f.Helper()
	program(f.T, "neomutt")
	program(f.T, "script")
	dir := f.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			f.Fatal(err)
		}
		return path
	}
	words := write("words", text)
	editor := write("editor", fmt.Sprintf("#!/bin/sh\ncat %s \"$1\" > %s/mail && cat %s/mail > \"$1\"\n", words, dir, dir))
	rc := write("rc", fmt.Sprintf(`set from="anne.durand@example.com" realname="Anne Durand" use_from=yes use_envelope_from=yes hostname="canary-host.example.com"
set smtp_url="smtp://%s/" ssl_starttls=no ssl_force_tls=no
set folder=%q spoolfile=%q record="" header_cache="" mbox_type=Maildir
set editor=%q autoedit=yes fast_reply=yes include=yes edit_headers=no
set abort_unmodified=no abort_noattach=no wait_key=no quit=yes confirmappend=no delete=no move=no user_agent=yes sort=date sleep_time=0
set send_charset="utf-8" charset="utf-8"
`, f.postfix.addr(), f.postfix.at("mail"), f.postfix.at("mail/anne"), editor))
	commands := fmt.Sprintf("neomutt -n -F %s -e 'push \"<last-entry>%s<send-message><quit>\"'", rc, key)
	out, code := run(f.T, nil, "timeout", "30", "env", "TERM=xterm", "LC_ALL=C.UTF-8", "HOME="+dir, "script", "-qec", commands, "/dev/null")
	if code != 0 {
		f.Fatalf("neomutt says %d:\n%q", code, out)
	}
}

// ticketIs checks the number of a ticket's messages and its status, and that it
// is the only one.
func (d *desk) ticketIs(number uint64, messages int, status ticket.Status) {
	d.Helper()
	d.drained()
	d.view(func(tx store.ReadTx) error {
		tk, err := store.GetTicket(tx, number)
		if err != nil {
			return err
		}
		if int(tk.Messages) != messages || tk.Status != status {
			d.Errorf("ticket %d: %d messages, %s; want %d, %s", number, tk.Messages, tk.Status, messages, status)
		}
		if _, err := store.GetTicket(tx, number+1); err == nil {
			d.Error("there is a second ticket")
		}
		return nil
	})
}

// Postfix in front over LMTP or SMTP, one domain: mail comes in through it, goes out
// through it, and Anne reads and answers with neomutt.
func TestPostfixInFront(t *testing.T) {
	for _, by := range []string{"inet", "unix", "smtp"} {
		t.Run(by, func(t *testing.T) { talkThroughPostfix(newFront(t, by, "", "")) })
	}
}

func talkThroughPostfix(f *front) {
	f.outside("jean@client.example", "relationclient@example.com",
		letter(`"Jean Client" <jean@client.example>`, "relationclient@example.com", "q1@client.example", "Une question", "Bonjour,\nmon appareil ne marche pas.\n"))
	ack := f.arrives(f.customers, 1)
	if got := ack.Header.Text("Subject"); ack.From != "" || got != "Votre demande n°10000" {
		f.Errorf("acknowledgement: from %q, %q", ack.From, got)
	}
	copy := f.mailbox("anne", 1)
	if !strings.Contains(copy.text(), "mon appareil ne marche pas.") {
		f.Errorf("the copy:\n%s", copy.Raw)
	}

	// Reply to all reaches only us, and the customer only hears the team.
	f.neomutt("<group-reply>", "Bonjour,\nredémarrez-le, puis dites-moi.\n")
	reply := f.arrives(f.customers, 2)
	if from := reply.Header.Mailboxes("From")[0]; from.Name != "Anne Durand – Relation Client" || from.Address.String() != "relationclient@example.com" {
		f.Errorf("From of the reply: %q", from)
	}
	if !strings.Contains(reply.text(), "redémarrez-le, puis dites-moi.") || !strings.Contains(reply.text(), "> mon appareil ne marche pas.") {
		f.Errorf("text of the reply:\n%s", reply.text())
	}
	f.without(received{Received: testkit.Received{To: reply.To, Raw: belowTrace(reply.Raw)}, Message: reply.Message},
		"anne.durand", "a.durand", "mutt", "canary-host", "desk.example.com", "[#10000]", "#10000")

	// The customer's answer to the generic address joins; so do one more reply of
	// Anne's and the customer's answer to it, without any authentication.
	_, again := replyTo(reply, `"Jean Client" <jean@client.example>`, "Toujours rien.\n")
	f.outside("jean@client.example", "relationclient@example.com", again)
	if second := f.mailbox("anne", 2); !strings.Contains(second.text(), "Toujours rien.") {
		f.Errorf("second copy:\n%s", second.Raw)
	}
	f.neomutt("<reply>", "Je vous appelle.\n")
	last := f.arrives(f.customers, 3)
	_, thanks := replyTo(last, `"Jean Client" <jean@client.example>`, "Merci !\n")
	f.outside("bounces@list.example", "sav+nothing@example.com", thanks)
	f.mailbox("anne", 3)
	f.ticketIs(10000, 5, ticket.Open)
	f.quiet(f.customers, 3)
	f.postfix.calm()
}

// belowTrace is a mail without the trace fields that Postfix put on top, which
// name the envelope recipient: our own part of it.
func belowTrace(raw []byte) []byte {
	m, err := message.Parse(message.BytesSource(raw))
	if err != nil {
		return raw
	}
	var b []byte
	for _, f := range m.Header.Fields {
		if !strings.EqualFold(f.Name, "Received") {
			b = append(b, f.Raw...)
		}
	}
	return append(append(b, "\r\n"...), raw[m.Root.Body:]...)
}

// opendkim in Postfix with the settings of docs/behind-postfix.md: a forged result
// goes, opendkim's own is believed, and a mail with a signature that holds is
// acknowledged.
func TestOpenDKIMInFront(t *testing.T) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, record := keyFile(t, t.TempDir(), "ed", private)
	milter := freePort(t)
	conf := openDKIM(t, map[string]string{"k._domainkey.client.example": record},
		fmt.Sprintf("Mode v\nSocket inet:%s@127.0.0.1\nAuthservID front.example.com\nRemoveARFrom front.example.com\nRemoveARAll yes\n", milter))
	background(t, "opendkim", "-f", "-x", conf)
	listening(t, milter)
	f := newFront(t, "inet", "", "smtpd_milters = inet:127.0.0.1:"+milter+"\nmilter_default_action = tempfail\n")
	forged := "Authentication-Results: front.example.com; dmarc=pass header.from=client.example\n" +
		"Authentication-Results: front.example.com; dkim=pass header.d=client.example\n" +
		"Authentication-Results: front.example.com; spf=pass smtp.mailfrom=paul@client.example\n"
	f.outside("paul@client.example", "relationclient@example.com", forged+
		letter("Paul <paul@client.example>", "relationclient@example.com", "f1@client.example", "Forged", "Bonjour\n"))
	first := f.mailbox("anne", 1)
	f.quiet(f.customers, 0)
	if raw := f.rawOf(10000); strings.Count(raw, "front.example.com;") != 1 || strings.Contains(raw, "=pass") {
		t.Errorf("results of the forged mail:\n%s\n%s", raw, first.Raw)
	}

	signed := crlf(letter("Paul <paul@client.example>", "relationclient@example.com", "s1@client.example", "Signed", "Bonjour encore\n"))
	out, code := run(t, []byte(signed), "env", systemPython(t, "dkim, nacl"), "-c", signer, base64.StdEncoding.EncodeToString(private.Seed()))
	if code != 0 {
		t.Fatal(out)
	}
	f.outside("paul@client.example", "relationclient@example.com", out)
	if ack := f.arrives(f.customers, 1); ack.Header.Text("Subject") != "Votre demande n°10001" {
		t.Errorf("acknowledgement:\n%s", ack.Raw)
	}
	if raw := f.rawOf(10001); !strings.Contains(raw, "front.example.com;") || !strings.Contains(raw, "dkim=pass") {
		t.Errorf("results of the signed mail:\n%s", raw)
	}
}

// signer is dkimpy with the key of client.example.
const signer = `
import dkim, sys
mail = sys.stdin.buffer.read()
sig = dkim.sign(mail, b'k', b'client.example', sys.argv[1].encode(), signature_algorithm=b'ed25519-sha256', canonicalize=(b'relaxed', b'simple'))
sys.stdout.buffer.write(sig + mail)
`

// rawOf is a ticket's first mail as it was received.
func (d *desk) rawOf(number uint64) string {
	d.Helper()
	for _, k := range d.kept() {
		if k.ticket == number {
			return string(k.raw)
		}
	}
	d.Fatalf("no mail of ticket %d", number)
	return ""
}

// Postfix refuses in its session what postdesk would not take, without a bounce.
func TestPostfixAsksForRecipients(t *testing.T) {
	f := newFront(t, "inet", "", "")
	mail := letter("Eve <eve@client.example>", "x@desk.example.com", "x1@client.example", "Hello", "Hello\n")
	for to, want := range map[string]string{
		"nobody@desk.example.com": "<** 550 5.1.1 ", "nobody@example.com": "<** 550 5.1.1 ", "someone@elsewhere.example": "<** 554 5.7.1 ",
	} {
		if out, code := swaks(t, f.postfix.addr(), "eve@client.example", to, mail); code != 24 || !strings.Contains(out, want) {
			t.Errorf("%s: swaks says %d:\n%s", to, code, out)
		}
	}
	// A token address that no longer verifies is a recipient, of the team.
	f.outside("eve@client.example", "relationclient+nothing@example.com", mail)
	f.mailbox("anne", 1)
	f.ticketIs(10000, 1, ticket.New)
}
