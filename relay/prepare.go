package relay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"postdesk/internal/message"
	"postdesk/store"
)

// Bounds of the memory of prepared mails. A mail that goes to several
// destinations is looked at and signed once.
const (
	maxPrepared  = 128
	preparedLife = time.Hour // a signature's t= should not be older
)

type preparedKey struct {
	mail   store.MailID
	domain string
	policy *activePolicy
}

// preparedMail is a mail with what we know of it: as it is, and made 7 bit.
type preparedMail struct {
	mu     sync.Mutex
	made   time.Time
	src    message.Source // in the store; nil when it was not opened yet
	traits traits

	plain, encoded *outgoingBody
}

type preparedCache struct {
	mu      sync.Mutex
	entries map[preparedKey]*preparedMail
	order   []preparedKey
}

func (c *preparedCache) get(k preparedKey) *preparedMail {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.entries[k]; p != nil && time.Since(p.made) < preparedLife {
		return p
	}
	if c.entries == nil {
		c.entries = make(map[preparedKey]*preparedMail, maxPrepared)
	}
	if len(c.order) >= maxPrepared {
		delete(c.entries, c.order[0])
		c.order = c.order[1:]
	}
	p := &preparedMail{made: time.Now()}
	c.entries[k] = p
	c.order = append(c.order, k)
	return p
}

// prepare makes a mail ready for a server: re-encoded where it must be, then
// signed by domain's keys. A small mail is read once: what is returned then holds its
// bytes, and what is kept does not.
func (r *Relay) prepare(ctx context.Context, k preparedKey, takes8bit bool) (*outgoingBody, *failure) {
	p := r.prepared.get(k)
	p.mu.Lock()
	defer p.mu.Unlock()
	src := p.src
	if src == nil {
		var f *failure
		if src, f = r.openMail(ctx, k.mail, p); f != nil {
			return nil, f
		}
	}
	if p.traits.stray {
		// A stray CR or LF may end a mail early at a careless server and begin
		// another one there. Nothing that we write has one.
		return nil, localFailure(554, "5.6.0", "the mail has a bare CR or LF")
	}
	encode := p.traits.longLine || p.traits.eightBit && !takes8bit
	body, f := r.bodyOf(k, p, src, encode, takes8bit)
	if f != nil {
		return nil, f
	}
	if body.eightBit && !takes8bit {
		return nil, localFailure(554, "5.6.3", "the mail needs 8BITMIME, which the server does not offer")
	}
	return body, nil
}

// openMail finds a mail and learns what it is. It returns the mail as it is to be read
// from now on.
func (r *Relay) openMail(ctx context.Context, id store.MailID, p *preparedMail) (message.Source, *failure) {
	var mail store.Mail
	err := r.opts.Store.View(ctx, func(tx store.ReadTx) (err error) {
		mail, err = tx.Mail(id)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, localFailure(554, "5.6.0", "the mail is gone")
	}
	var src message.Source
	if err == nil {
		src, err = readWhole(mail)
	}
	if err == nil {
		p.traits, err = inspectKept(mail, src)
	}
	if err != nil {
		r.opts.Log.Error("mail can't be read", "mail", id, "error", err)
		return nil, localFailure(451, "4.3.0", "the mail can't be read")
	}
	p.src = mail
	return src, nil
}

// bodyOf is p's mail as it goes out, as it is or re-encoded, made once. src is the mail,
// maybe in memory.
func (r *Relay) bodyOf(k preparedKey, p *preparedMail, src message.Source, encode, takes8bit bool) (*outgoingBody, *failure) {
	if encode {
		if p.encoded == nil {
			body, f := r.makeBody(k, p, p.src, true, takes8bit)
			if f != nil {
				return nil, f
			}
			p.encoded = body
		}
		return p.encoded, nil
	}
	if p.plain == nil {
		body, f := r.makeBody(k, p, src, false, takes8bit)
		if f != nil {
			return nil, f
		}
		kept := *body
		kept.src = p.src
		p.plain = &kept
		return body, nil
	}
	return p.plain, nil
}

func (r *Relay) makeBody(k preparedKey, p *preparedMail, src message.Source, encode, takes8bit bool) (*outgoingBody, *failure) {
	body := &outgoingBody{src: src, eightBit: p.traits.eightBit}
	if encode {
		encoded, err := downgrade(src)
		switch {
		case err == nil:
			t, err := inspect(encoded)
			if err != nil || t.stray {
				return nil, localFailure(451, "4.3.0", "the mail can't be re-encoded")
			}
			body.src, body.eightBit = encoded, t.eightBit
		case !errors.Is(err, message.ErrCannotDowngrade) && p.traits.eightBit && !takes8bit:
			r.opts.Log.Error("mail can't be re-encoded", "mail", k.mail, "error", err)
			return nil, localFailure(451, "4.3.0", "the mail can't be re-encoded")
		}
		// What can't be re-encoded goes as it is: a long line passes nearly
		// everywhere, and 8 bits where the caller finds 8BITMIME.
		if body.eightBit && !takes8bit {
			return body, nil
		}
	}
	signatures, err := k.policy.keys.sign(k.domain, body.src)
	if errors.Is(err, errNoHeaderEnd) {
		return nil, localFailure(554, "5.6.0", err.Error())
	}
	if err != nil {
		r.opts.Log.Error("mail can't be signed and waits", "mail", k.mail, "domain", k.domain, "error", err)
		return nil, localFailure(451, "4.3.5", fmt.Sprintf("the mail can't be signed for %s", k.domain))
	}
	body.signatures = signatures
	return body, nil
}
