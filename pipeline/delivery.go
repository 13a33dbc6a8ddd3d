package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/config"
	"postdesk/internal/message"
	"postdesk/rules"
	"postdesk/smtpd"
	"postdesk/store"
)

// delivery is one mail on its way through the stages. Each stage adds what it
// learned to facts; what a transaction decides is in its own value, so that
// it can run again.
type delivery struct {
	w          *world
	env        *smtpd.Envelope
	raw        message.Source
	mail       *message.Message
	targets    []target
	id         string // what the client is told, and the log's mark
	at         time.Time
	steady     time.Time    // at, by a clock that nobody sets
	author     addr.Mailbox // the only author, zero if there is not exactly one
	facts      Facts
	reports    *message.Report           // what report found
	looked     bool                      // report has looked
	event      *compose.Calendar         // what calendar found
	eventFault error                     // it could not be read
	dated      bool                      // calendar has looked
	speaks     string                    // what guessLanguage found
	heard      bool                      // guessLanguage has looked
	lists      map[string][]addr.Mailbox // what mailboxes has read
	drafted    *compose.Draft            // what draft has read
	// refused is set when a command could not be carried out: what the transaction
	// had done is undone, and the mail goes its way once more, to be held.
	refused *refusal
	// released is set when a held mail goes its way: what its agent said yes to.
	released *store.HeldMail
	passedOn bool         // an agent's word that a customer wrote it: no server vouches for it
	stored   store.MailID // the mail as it is in the store already, when released
}

// Facts is what the stages learned of a mail: kept with it, so that explain can
// tell and replay can decide again. It holds no text of the mail's body.
type Facts struct {
	ID       string    `json:"id"`
	At       time.Time `json:"at"`
	Listener string    `json:"listener"`
	Peer     string    `json:"peer,omitempty"`
	Helo     string    `json:"helo,omitempty"`
	TLS      string    `json:"tls,omitempty"`
	Login    string    `json:"login,omitempty"`
	Frontend bool      `json:"frontend,omitempty"`
	Trusted  bool      `json:"trusted,omitempty"`

	EnvelopeFrom string   `json:"envelope_from"`
	EnvelopeTo   []string `json:"envelope_to"`
	MessageID    string   `json:"message_id,omitempty"`
	From         string   `json:"from,omitempty"`
	Authors      int      `json:"authors"`
	Subject      string   `json:"subject,omitempty"`
	Size         int64    `json:"size"`
	SHA256       string   `json:"sha256"`
	BodySHA256   string   `json:"body_sha256"`
	Defects      []string `json:"defects,omitempty"`

	Auth     AuthFacts       `json:"authentication"`
	Filter   FilterFacts     `json:"filter,omitzero"`
	Class    ClassFacts      `json:"class"`
	Thread   rules.ThreadOut `json:"thread,omitzero"`
	Gesture  string          `json:"gesture,omitempty"` // what an agent's recipients mean
	Rules    []string        `json:"rules,omitempty"`
	Known    rules.KnownOut  `json:"known,omitzero"`
	Route    rules.RouteOut  `json:"route,omitzero"`
	Ack      rules.Ack       `json:"acknowledgement,omitzero"`
	Calendar string          `json:"calendar,omitempty"` // what came of a calendar message
	Decision string          `json:"decision,omitempty"`
	Panic    string          `json:"panic,omitempty"`
}

// FilterFacts is what the milters said.
type FilterFacts struct {
	Asked   bool   `json:"asked,omitempty"`
	Spam    bool   `json:"spam,omitempty"`
	Malware bool   `json:"malware,omitempty"`
	Text    string `json:"text,omitempty"`
}

// passed says whether the agent has already said yes to a mail that was held
// for this reason.
func (d *delivery) passed(why string) bool {
	return d.released != nil && (d.released.Why == why || slices.Contains(d.released.Passed, why))
}

// newDelivery reads the mail and what is known of its way.
func (p *Pipeline) newDelivery(w *world, env *smtpd.Envelope, raw message.Source) (*delivery, error) {
	d := &delivery{w: w, env: env, raw: raw, at: p.now().UTC(), steady: p.steady.now()}
	for _, to := range env.To {
		t, _ := p.target(w, to)
		d.targets = append(d.targets, t)
	}
	return d, p.read(d)
}

// read parses the mail and writes down what it says of itself. A fault of the
// reader costs what it would have learned, not the mail: it goes on as one
// without header.
func (p *Pipeline) read(d *delivery) (err error) {
	defer func() {
		if v := recover(); v != nil {
			d.facts.Panic = "reading the mail: " + p.panicked(d, v)
			d.author = addr.Mailbox{}
			d.lists = nil
			if d.mail, err = message.Parse(message.BytesSource(nil)); err == nil {
				err = d.gather()
			}
		}
	}()
	if d.mail, err = message.Parse(d.raw); err != nil {
		return fmt.Errorf("read the mail: %w", err)
	}
	if list, fields := d.authors(); len(list) == 1 && fields == 1 {
		d.author = list[0]
	}
	return d.gather()
}

// mailboxes are the addresses of a header field. They are read once: several
// stages ask.
func (d *delivery) mailboxes(field string) []addr.Mailbox {
	list, known := d.lists[field]
	if !known {
		if d.lists == nil {
			d.lists = map[string][]addr.Mailbox{}
		}
		list = d.mail.Header.Mailboxes(field)
		d.lists[field] = list
	}
	return list
}

// authors are the addresses of all From fields, and the number of these fields.
func (d *delivery) authors() (list []addr.Mailbox, fields int) {
	return d.mailboxes("From"), d.mail.Header.Count("From")
}

// report is the mail's delivery report, nil for none. It is read once: several
// stages ask.
func (d *delivery) report() *message.Report {
	if !d.looked {
		d.reports, d.looked = d.mail.Report(), true
	}
	return d.reports
}

// gather writes down the envelope and the header.
func (d *delivery) gather() error {
	sum, err := digest(d.raw)
	if err != nil {
		return err
	}
	body, err := message.BodyHash(d.mail)
	if err != nil {
		return err
	}
	list, _ := d.authors()
	peer := d.env.Peer
	d.id = queueID(peer.Session, d.at, sum)
	d.facts = Facts{
		Panic: d.facts.Panic, ID: d.id, At: d.at, Listener: string(peer.Listener), Helo: clip(peer.Helo), TLS: peer.TLS, Login: peer.Login, Frontend: peer.Frontend, Trusted: peer.Trusted,
		EnvelopeFrom: d.env.From.String(), MessageID: d.messageID(), From: d.author.Address.String(), Authors: len(list),
		Subject: d.mail.Header.Text("Subject"), Size: d.raw.Size(), SHA256: hex.EncodeToString(sum[:]), BodySHA256: hex.EncodeToString(body[:]),
		Defects: clipAll(d.mail.Defects),
	}
	if peer.Addr.IsValid() {
		d.facts.Peer = peer.Addr.String()
	}
	for _, to := range d.env.To[:min(len(d.env.To), maxKeptTo)] {
		d.facts.EnvelopeTo = append(d.facts.EnvelopeTo, to.String())
	}
	return nil
}

// messageID is the mail's own, bounded: it becomes a key.
func (d *delivery) messageID() string {
	ids := d.mail.Header.MessageIDs("Message-ID")
	if len(ids) == 0 {
		return ""
	}
	return clip(ids[0])
}

// team is whose mail it is: the first of our addresses in To, then in Cc; the
// envelope decides for one that is in neither.
func (d *delivery) team() *config.Team {
	for _, field := range []string{"To", "Cc"} {
		for _, m := range d.mailboxes(field) {
			if t := d.w.team(m.Address); t != nil && d.sentTo(t) {
				return t
			}
		}
	}
	for _, t := range d.targets {
		if t.team != nil {
			return t.team
		}
	}
	return &d.w.cfg.Teams[0]
}

// sentTo says whether the envelope names a team.
func (d *delivery) sentTo(team *config.Team) bool {
	for _, t := range d.targets {
		if t.team == team {
			return true
		}
	}
	return false
}

// otherTeams are the further teams of the envelope.
func (d *delivery) otherTeams(owner *config.Team) []*config.Team {
	var list []*config.Team
	for i := range d.w.cfg.Teams {
		if t := &d.w.cfg.Teams[i]; t != owner && d.sentTo(t) {
			list = append(list, t)
		}
	}
	return list
}

// print is what makes a mail the same when it comes again: Message-ID, author
// and body. A mail without a Message-ID is never the same.
func (d *delivery) print() string {
	if d.facts.MessageID == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(d.facts.MessageID + "\x00" + d.facts.From + "\x00" + d.facts.BodySHA256))
	return hex.EncodeToString(sum[:16])
}

// put stores the mail, once.
func (d *delivery) put(tx store.Tx) (store.MailID, error) {
	if d.stored != 0 {
		return d.stored, nil
	}
	return tx.PutMail(d.raw)
}

// queueID is short, unique enough for a log, and tells nothing.
func queueID(session string, at time.Time, sum [sha256.Size]byte) string {
	h := sha256.Sum256([]byte(session + at.String() + string(sum[:])))
	return hex.EncodeToString(h[:6])
}

// hashed is a source that summed its bytes while they arrived.
type hashed interface{ SHA256() [sha256.Size]byte }

// digest is SHA-256 of the mail as received.
func digest(src message.Source) (sum [sha256.Size]byte, err error) {
	if h, ok := src.(hashed); ok {
		return h.SHA256(), nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, message.NewReader(src)); err != nil {
		return sum, fmt.Errorf("read the mail: %w", err)
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}
