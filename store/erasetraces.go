package store

import (
	"errors"
	"slices"
	"strings"
	"time"

	"postdesk/internal/addr"
)

// heldMails blanks held mails that the person sent, or that were to answer a
// ticket that the person opened.
func (e *eraser) heldMails() error {
	var ids []uint64
	err := e.db.View(e.ctx, func(tx ReadTx) error {
		return AllHeld(tx, func(h *HeldMail) error {
			concerns, err := e.heldConcerns(tx, h)
			if concerns {
				ids = append(ids, h.ID)
			}
			return errors.Join(err, e.ctx.Err())
		})
	})
	if err != nil {
		return err
	}
	return e.each(ids, e.heldMail)
}

func (e *eraser) heldConcerns(tx ReadTx, h *HeldMail) (bool, error) {
	if e.is(h.From) || slices.ContainsFunc(h.To, e.is) || e.mentions(string(h.Facts)) ||
		slices.ContainsFunc(slices.Concat(h.Instead, h.Bad), e.mentions) {
		return true, nil
	}
	if h.Ticket == 0 {
		return false, nil
	}
	t, err := GetTicket(tx, h.Ticket)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil && t.Erased && (h.Subject != "" || len(h.Facts) > 0), err
}

func (e *eraser) heldMail(tx Tx, id uint64) (mails, rows, underWay int, err error) {
	h, err := GetHeld(tx, id)
	if err != nil {
		return 0, 0, 0, err
	}
	if h.State == Waiting {
		if h, err = DecideHeld(tx, id, Cancelled, e.now); err != nil {
			return 0, 0, 0, err
		}
	}
	if mails, err = eraseMails(tx, append(slices.Clone(h.Answers), h.Mail)...); err != nil {
		return 0, 0, 0, err
	}
	h.Subject, h.Facts, h.Reasons, h.Instead, h.Bad, h.From = "", nil, nil, nil, nil, addr.Address{}
	h.To = slices.DeleteFunc(h.To, e.is)
	return mails, 0, 0, put(tx, key(tableHeld, id), h)
}

// traces deletes the keys that bear an address: who usually answers it, how
// often it was asked, the counters of acknowledgements to it, the same content that it sent, and the
// entries of the index that say when those records go.
func (e *eraser) traces() error {
	var keys [][]byte
	err := e.db.View(e.ctx, func(tx ReadTx) error {
		for _, table := range []byte{tableUsual, tableWindow, tableSolicit, indexExpiry} {
			lo, hi := within([]byte{table})
			err := tx.Scan(lo, hi, 0, false, func(k, _ []byte) error {
				if e.inKey(k) {
					keys = append(keys, slices.Clone(k))
				}
				return e.ctx.Err()
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for part := range slices.Chunk(keys, 10*eraseStep) {
		err := e.db.Update(e.ctx, func(tx Tx) error {
			for _, k := range part {
				if err := tx.Delete(k); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// inKey says whether the second string of a key is an address of the person, or
// begins with one and a NUL. An entry of the expiry index bears the whole key
// of its record.
func (e *eraser) inKey(k []byte) bool {
	if head := len(key(indexExpiry, time.Time{})); k[0] == indexExpiry && len(k) > head {
		k = k[head:]
	}
	if k[0] != tableUsual && k[0] != tableWindow && k[0] != tableSolicit {
		return false
	}
	parts := keyStrings(k[1:])
	if len(parts) < 2 {
		return false
	}
	who, _, _ := strings.Cut(parts[1], "\x00")
	return e.addresses[who]
}

// keyStrings reads a tuple of strings as appendString wrote it.
func keyStrings(k []byte) []string {
	var parts []string
	var s []byte
	for i := 0; i < len(k); i++ {
		if k[i] != 0 {
			s = append(s, k[i])
			continue
		}
		if i++; i == len(k) {
			break
		}
		if k[i] == 0xFF {
			s = append(s, 0)
			continue
		}
		parts, s = append(parts, string(s)), nil
	}
	return parts
}

// record blanks the contact, last of all. The number stays used.
func (e *eraser) record() error {
	if e.contact == nil {
		return nil
	}
	err := e.db.Update(e.ctx, func(tx Tx) error {
		return SaveContact(tx, &Contact{ID: e.contact.ID, Created: e.contact.Created, Erased: true})
	})
	if err != nil {
		return err
	}
	var numbers []uint64
	err = e.db.View(e.ctx, func(tx ReadTx) error {
		return Requests(tx, e.contact.ID, func(n uint64) error { numbers = append(numbers, n); return nil })
	})
	if err != nil {
		return err
	}
	return e.each(numbers, func(tx Tx, n uint64) (int, int, int, error) {
		return 0, 0, 0, tx.Delete(key(indexRequester, e.contact.ID, n))
	})
}

// MoveRequest makes a ticket of one contact another's: of an index and of the
// ticket's participants.
func MoveRequest(tx Tx, number, from, to uint64) error {
	if err := tx.Delete(key(indexRequester, from, number)); err != nil {
		return err
	}
	if err := AddRequest(tx, to, number); err != nil {
		return err
	}
	t, err := GetTicket(tx, number)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for i := range t.Participants {
		if t.Participants[i].Contact == from {
			t.Participants[i].Contact = to
		}
	}
	return SaveTicket(tx, t)
}

// DeleteContact removes the record of a contact and what points to it. Its number
// is not given again.
func DeleteContact(tx Tx, id uint64) error {
	if err := dropIndexes(tx, id); err != nil {
		return err
	}
	return tx.Delete(key(tableContact, id))
}
