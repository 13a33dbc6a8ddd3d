package compose

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"postdesk/internal/addr"
	"postdesk/internal/config"
	"postdesk/internal/message"
)

// ReplyIn is what a reply to a customer, an expert or an approver is made of.
type ReplyIn struct {
	// Head: all but From is the caller's. A zero From becomes
	// `"Agent – Team" <team address>`; one with an address and no name (the
	// token address of a participant) gets that name. AutoSubmitted is not written.
	Head Head
	Team *config.Team
	Lang string // "" is the team's
	// Agent is the name that the customer sees.
	Agent string
	// Mail is the agent's mail with its source.
	Mail *message.Message
	// Commands are the command lines as parsed from the top of the new text, in
	// order; they vanish from text and HTML whatever white space, wrapping or
	// markup a client gave them.
	Commands []string
	// Insert is text to set above the agent's own (#template), "" for none.
	Insert string
	// Attach are files that go out beside the agent's own.
	Attach []message.File
	// Decision makes it a request for a decision: what is asked stands above all
	// else, with links that answer yes and no to the address in Head.From. Ticket
	// is what it says of the ticket.
	Decision bool
	Ticket   Ticket
	// Admits is the team in whose words it stands above all else that the reader observes the ticket from now
	// on, nil for no such words.
	Admits *config.Team
	// DropQuote leaves out what is quoted below the agent's new text, where it can
	// be told apart, with its pictures.
	DropQuote bool
	// Rewrite says what an address that stands in the mail becomes: an agent's
	// becomes the team's, a token address the one it stands for. It is asked for every address
	// in text, markup, calendar and contact parts, and must be pure.
	Rewrite func(addr.Address) (addr.Address, bool)
	// Secrets must not be in the result, in whatever encoding: agents' private
	// addresses, logins that are addresses, longer passages of notes and asides.
	// Without regard to case and white space. Shorter than 4 letters is ignored.
	Secrets []string
	// Logins are names under which agents sign in. Documents bear them as their authors' names: an
	// attachment that names one is a finding.
	Logins []string
	// IsToken says whether a word (letters, digits and "+-_.=@") carries a token of
	// ours that verifies; nil asks for none. Tokens in the header that Head asked
	// for are not searched.
	IsToken func(word string) bool
}

// ReplyOut is the result of Reply. The mail may leave when Findings is empty, or
// when an agent said so.
type ReplyOut struct {
	Source   message.Source
	Findings []Finding
	// Attachments are the real ones that go out (inline images are not).
	Attachments []Attachment
}

// Reply writes what the customer receives from an agent's mail. Headers are built
// from an allow-list, agents' and token addresses are replaced in all text, the block and the
// command lines are taken out, the signature is put between new text and quote
// when the new text lacks the agent's name. Then the result is read again as
// a customer's client would, and searched: see Finding. The error is for what
// can't be written at all.
func (c *Composer) Reply(in ReplyIn) (ReplyOut, error) {
	k, err := c.replyCleaner(in)
	if err != nil {
		return ReplyOut{}, err
	}
	t := &tree{k: k, m: in.Mail}
	body := t.rebuild(in.Mail.Root)
	if body == nil {
		body = message.TextContent("text/plain", k.signedAlone())
	}
	t.attachFiles(in.Attach)
	body = filesBelow(body, in.Attach)
	b := newBuilder(in.Head.MessageID)
	head := in.Head
	head.From = replyFrom(in)
	head.AutoSubmitted, head.Loop = "", ""
	head.write(b)
	rope, err := b.Build(body)
	if err != nil {
		return ReplyOut{}, fmt.Errorf("compose the reply: %w", err)
	}
	out := ReplyOut{Source: rope, Attachments: t.attachments}
	out.Findings = append(t.findings, c.checkNewText(in, k, t)...)
	found, err := c.guard(in, rope)
	if err != nil {
		return ReplyOut{}, fmt.Errorf("read the reply again: %w", err)
	}
	out.Findings = append(out.Findings, found...)
	return out, nil
}

func (c *Composer) replyCleaner(in ReplyIn) (*cleaner, error) {
	k := &cleaner{
		c: c, rw: rewriter{in.Rewrite}, commands: in.Commands, insert: cleanText(in.Insert),
		name: cleanLine(in.Agent), cids: newCIDs(in.Mail, in.Head.MessageID), seed: in.Head.MessageID,
		budget: message.NewHTMLBudget(maxHTML), lead: leadOf(in.Mail), dropQuote: in.DropQuote,
	}
	if in.Team != nil {
		k.via, k.team = viaWords(in.Team), cleanLine(in.Team.Name)
	}
	var err error
	if k.question, err = c.question(in); err != nil {
		return nil, err
	}
	k.sign, err = c.signatureText(in)
	return k, err
}

// viaWords is what Copy puts behind the customer's name in From.
func viaWords(team *config.Team) string { return "(via " + cleanLine(team.Name) + ")" }

// replyFrom is `"Anne Durand – Relation Client" <relationclient@example.com>`.
func replyFrom(in ReplyIn) addr.Mailbox {
	from := in.Head.From
	if from.Address == (addr.Address{}) && in.Team != nil {
		from.Address = in.Team.Address
	}
	if from.Name == "" {
		from.Name = fromName(in.Agent, in.Team)
	}
	return from
}

func fromName(person string, team *config.Team) string {
	person = cleanLine(person)
	switch {
	case team == nil:
		return person
	case person == "":
		return cleanLine(team.Name)
	}
	return person + " – " + cleanLine(team.Name)
}

// signatureText is the team's signature, the agent's name in it.
func (c *Composer) signatureText(in ReplyIn) (string, error) {
	data := signatureData{Agent: AgentData{Name: cleanLine(in.Agent)}, Team: teamData(in.Team)}
	if in.Team != nil && c.sigs[in.Team.Signature] != nil {
		var buf bytes.Buffer
		if err := c.sigs[in.Team.Signature].tmpl.Execute(&buf, data); err != nil {
			return "", fmt.Errorf("compose: signature of %s: %w", in.Team.Name, err)
		}
		return cleanText(strings.Trim(buf.String(), "\n")), nil
	}
	return strings.Join(nonEmpty(data.Agent.Name, data.Team.Name, data.Team.Address), "\n"), nil
}

func nonEmpty(list ...string) []string {
	out := list[:0]
	for _, s := range list {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

// newCIDs gives every part with a Content-ID a new one: clients put the host's name, the
// time or a serial number in theirs.
func newCIDs(m *message.Message, seed string) map[string]string {
	ids := map[string]string{}
	m.Walk(func(p *message.Part) bool {
		if id := strings.ToLower(p.ContentID()); id != "" && ids[id] == "" {
			sum := sha256.Sum256([]byte("cid " + strconv.Itoa(len(ids)) + " " + seed))
			ids[id] = "part" + strconv.Itoa(len(ids)+1) + "." + hex.EncodeToString(sum[:6]) + "@postdesk"
		}
		return true
	})
	return ids
}
