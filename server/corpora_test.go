package server_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// foreign is a mail that nobody of this project wrote.
type foreign struct {
	name   string
	mail   []byte // as sent: with CRLF, the last line too
	sender string // unique
	reply  string // the last line of the session
}

// foreignMails reads every mail of the corpora, or skips the test.
func foreignMails(t *testing.T) []*foreign {
	t.Helper()
	dir := os.Getenv("POSTDESK_CORPORA")
	if dir == "" {
		dir = "../../shared/corpora"
	}
	var list []*foreign
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !isMail(path) {
			return err
		}
		b, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		list = append(list, &foreign{name: name, mail: asSent(b), sender: fmt.Sprintf("from%d@corpus%d.example", len(list), len(list))})
		return err
	})
	if err != nil || len(list) == 0 {
		t.Skipf("no corpora: set POSTDESK_CORPORA (%v)", err)
	}
	return list
}

// isMail: the bodies of the reply trimmer are mails without a header.
func isMail(path string) bool {
	switch filepath.Ext(path) {
	case ".eml", ".msg":
		return true
	case ".txt":
		return filepath.Base(filepath.Dir(path)) == "emails"
	}
	return false
}

// asSent makes every line end CRLF: LF, CR of old Macs, and CR CR LF.
func asSent(b []byte) []byte {
	b = regexp.MustCompile(`\r*\n|\r`).ReplaceAll(b, []byte("\n"))
	if len(b) > 0 && b[len(b)-1] != '\n' {
		b = append(b, '\n')
	}
	return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))
}

// hand says one transaction on a fresh connection, dots stuffed and nothing else
// changed (RFC 5321 §4.5.2), and returns the last reply.
func hand(addr, hello, from, to string, mail []byte) (string, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return "", err
	}
	defer c.Close()
	r := bufio.NewReader(c)
	reply := func() (string, error) {
		for {
			line, err := r.ReadString('\n')
			if err != nil || len(line) < 4 || line[3] != '-' {
				return strings.TrimSpace(line), err
			}
		}
	}
	if s, err := reply(); err != nil || s[0] != '2' {
		return s, err
	}
	for _, line := range []string{hello, "MAIL FROM:<" + from + ">", "RCPT TO:<" + to + ">", "DATA"} {
		fmt.Fprintf(c, "%s\r\n", line)
		if s, err := reply(); err != nil || s[0] != '2' && s[0] != '3' {
			return line + ": " + s, err
		}
	}
	stuffed := bytes.ReplaceAll(append([]byte("\r\n"), mail...), []byte("\r\n."), []byte("\r\n.."))[2:]
	if _, err := c.Write(append(stuffed, ".\r\n"...)); err != nil {
		return "", err
	}
	return reply()
}

// sendForeign hands all mails over, some at a time.
func sendForeign(t *testing.T, addr, hello string, list []*foreign) {
	t.Helper()
	work := make(chan *foreign)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for f := range work {
				var err error
				if f.reply, err = hand(addr, hello, f.sender, "relationclient@example.com", f.mail); err != nil {
					t.Errorf("%s: %v", f.name, err)
				}
			}
		})
	}
	for _, f := range list {
		work <- f
	}
	close(work)
	wg.Wait()
}

// keptMail is what the store has of an accepted mail.
type keptMail struct {
	ticket    uint64
	sum       [sha256.Size]byte
	raw       []byte
	messageID string
	body      string // its hash
	panicked  string
}

// kept reads every mail of every ticket, by the id that its sender was told.
func (d *desk) kept() map[string]keptMail {
	d.Helper()
	all := map[string]keptMail{}
	d.view(func(tx store.ReadTx) error {
		return store.ListTickets(tx, store.Filter{}, func(tk *ticket.Ticket) error {
			return store.Messages(tx, tk.Number, func(m ticket.Message) error {
				var facts struct {
					ID, Panic  string
					BodySHA256 string `json:"body_sha256"`
				}
				if err := json.Unmarshal(m.Facts, &facts); err != nil {
					return err
				}
				mail, err := tx.Mail(store.MailID(m.Mail))
				if err != nil {
					return err
				}
				raw, err := io.ReadAll(store.NewReader(mail))
				all[facts.ID] = keptMail{ticket: tk.Number, sum: mail.SHA256(), raw: raw, messageID: m.MessageID, body: facts.BodySHA256, panicked: facts.Panic}
				return err
			})
		})
	})
	return all
}

var queuedAs = regexp.MustCompile(`^250 2\.0\.0 .*queued as (\w+)$`)

// mustKeep checks that every mail was taken and is there byte for byte. The same
// mail again (Message-ID, From and body, in corpora that vary a header) is kept
// once.
func (d *desk) mustKeep(list []*foreign) {
	d.Helper()
	kept := d.kept()
	again := 0
	for _, f := range list {
		id := queuedAs.FindStringSubmatch(f.reply)
		if id == nil {
			d.Errorf("%s: %q", f.name, f.reply)
			continue
		}
		k, ok := kept[id[1]]
		switch {
		case !ok && slices.ContainsFunc(slices.Collect(maps.Values(kept)), f.sameAs):
			again++
		case !ok:
			d.Errorf("%s: %q, and no ticket has it", f.name, f.reply)
		case k.sum != sha256.Sum256(f.mail) || !bytes.Equal(k.raw, f.mail):
			d.Errorf("%s: ticket %d: %d bytes kept, %d sent, or they differ", f.name, k.ticket, len(k.raw), len(f.mail))
		case k.panicked != "":
			d.Errorf("%s: ticket %d: a stage gave up: %s", f.name, k.ticket, k.panicked)
		}
	}
	d.Logf("%d mails, %d of them a repetition, %d kept", len(list), again, len(kept))
}

// sameAs: the Message-ID and the body are those of a mail that is kept.
func (f *foreign) sameAs(k keptMail) bool {
	m, err := message.Parse(message.BytesSource(f.mail))
	if err != nil || k.messageID == "" || !slices.Contains(m.Header.MessageIDs("Message-ID"), k.messageID) {
		return false
	}
	body, err := message.BodyHash(m)
	return err == nil && hex.EncodeToString(body[:]) == k.body
}

// Mails that others wrote, broken ones too, from the whole world: each is a
// ticket, byte for byte. Only a NUL is refused, with the reason.
func TestForeignMailsOnTheMX(t *testing.T) {
	t.Parallel()
	list := foreignMails(t)
	d := newDesk(t, nil)
	sendForeign(t, d.srv.Addr("mx"), "EHLO mx.client.example", list)
	clean := slices.DeleteFunc(slices.Clone(list), func(f *foreign) bool { return bytes.IndexByte(f.mail, 0) >= 0 })
	for _, f := range list {
		if bytes.IndexByte(f.mail, 0) >= 0 && !strings.HasPrefix(f.reply, "550 5.6.0 ") {
			t.Errorf("%s, with a NUL: %q", f.name, f.reply)
		}
	}
	d.mustKeep(clean)
	d.emptied()
}

// The same mails from the MTA in front, which must never bounce: each is a
// ticket, those with a NUL too.
func TestForeignMailsOverLMTP(t *testing.T) {
	t.Parallel()
	list := foreignMails(t)
	d := newDesk(t, oneDomain)
	sendForeign(t, d.srv.Addr("lmtp"), "LHLO front.example.com", list)
	d.mustKeep(list)
	d.emptied()
}

// emptied waits for the relay, and checks that no copy that we made of the mails
// was refused or could not be sent.
func (d *desk) emptied() {
	d.Helper()
	d.drained()
	d.view(func(tx store.ReadTx) error {
		all, err := store.Tally(tx, "outbox")
		d.Logf("outbox: %v, copies: %d", all, d.agents.Count())
		if all["failed"]+all["held"] > 0 || d.agents.Count() == 0 {
			d.Errorf("outbox: %v, copies: %d", all, d.agents.Count())
		}
		return err
	})
}
