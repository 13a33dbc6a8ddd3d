package storetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"postdesk/internal/message"
	"postdesk/store"
)

// model is what an engine should be: a map, and a list of mails.
type model struct {
	keys  map[string]string
	mails []string // "" is erased
}

func (m model) clone() model { return model{maps.Clone(m.keys), slices.Clone(m.mails)} }

func (m model) scan(lo, hi string, limit int, reverse bool) string {
	all := slices.Sorted(maps.Keys(m.keys))
	if reverse {
		slices.Reverse(all)
	}
	var out []string
	for _, k := range all {
		if k >= lo && (hi == "" || k < hi) && (limit == 0 || len(out) < limit) {
			out = append(out, k+"="+m.keys[k])
		}
	}
	return strings.Join(out, " ")
}

func scan(tx store.ReadTx, lo, hi string, limit int, reverse bool) (string, error) {
	var out []string
	err := tx.Scan(bound(lo), bound(hi), limit, reverse, func(k, v []byte) error {
		out = append(out, string(k)+"="+string(v))
		return nil
	})
	return strings.Join(out, " "), err
}

// randomModel runs random updates against engine and model, and compares all that
// can be seen, inside each update and after it.
func randomModel(t *testing.T, e store.Engine) {
	m := model{keys: map[string]string{}}
	rapid.Check(t, func(r *rapid.T) {
		for range rapid.IntRange(1, 6).Draw(r, "updates") {
			next := m.clone()
			fails := rapid.IntRange(0, 4).Draw(r, "fails") == 0
			err := e.Update(ctx, func(tx store.Tx) error {
				next = m.clone() // the function may run again
				for range rapid.IntRange(1, 12).Draw(r, "operations") {
					if err := operate(r, tx, &next); err != nil {
						return err
					}
				}
				if fails {
					return errOnPurpose
				}
				return nil
			})
			if fails && !errors.Is(err, errOnPurpose) || !fails && err != nil {
				r.Fatalf("update: %v", err)
			}
			if !fails {
				m = next
			}
			view(t, e, func(tx store.ReadTx) error { return compare(r, tx, &m) })
		}
	})
}

func key(r *rapid.T) string {
	return rapid.StringMatching(`[ab\xff]{1,3}`).Draw(r, "key")
}

// operate does one thing to both.
func operate(r *rapid.T, tx store.Tx, m *model) error {
	switch rapid.IntRange(0, 6).Draw(r, "operation") {
	case 0, 1:
		k, v := key(r), rapid.StringN(0, 8, 20).Draw(r, "value")
		m.keys[k] = v
		return tx.Set([]byte(k), []byte(v))
	case 2:
		k := key(r)
		delete(m.keys, k)
		return tx.Delete([]byte(k))
	case 3:
		k := key(r)
		_, there := m.keys[k]
		if err := tx.Insert([]byte(k), []byte("new")); there != errors.Is(err, store.ErrExists) {
			return fmt.Errorf("insert of %q, there %v: %w", k, there, err)
		}
		if !there {
			m.keys[k] = "new"
		}
		return nil
	case 4:
		text := rapid.StringN(1, 50, 200).Draw(r, "mail")
		m.mails = append(m.mails, text)
		id, err := tx.PutMail(message.BytesSource([]byte(text)))
		if err == nil && id != store.MailID(len(m.mails)) {
			err = fmt.Errorf("mail %d, want %d", id, len(m.mails))
		}
		return err
	case 5:
		if len(m.mails) == 0 {
			return nil
		}
		i := rapid.IntRange(0, len(m.mails)-1).Draw(r, "erased")
		m.mails[i] = ""
		return tx.EraseMail(store.MailID(i + 1))
	}
	return compare(r, tx, m)
}

// compare looks at both, at random.
func compare(r *rapid.T, tx store.ReadTx, m *model) error {
	lo, hi := key(r), key(r)
	if rapid.Bool().Draw(r, "open") {
		lo, hi = "", ""
	}
	limit, reverse := rapid.IntRange(0, 3).Draw(r, "limit"), rapid.Bool().Draw(r, "reverse")
	got, err := scan(tx, lo, hi, limit, reverse)
	if want := m.scan(lo, hi, limit, reverse); err != nil || got != want {
		return fmt.Errorf("scan %q to %q limit %d reverse %v: %q, want %q, %w", lo, hi, limit, reverse, got, want, err)
	}
	k := key(r)
	value, err := tx.Get([]byte(k))
	if want, there := m.keys[k]; there && (err != nil || string(value) != want) || !there && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("get %q: %q, %w, want %q there %v", k, value, err, want, there)
	}
	if len(m.mails) == 0 {
		return nil
	}
	i := rapid.IntRange(0, len(m.mails)-1).Draw(r, "mail")
	return compareMail(tx, store.MailID(i+1), m.mails[i])
}

func compareMail(tx store.ReadTx, id store.MailID, want string) error {
	mail, err := tx.Mail(id)
	if want == "" {
		if !errors.Is(err, store.ErrErased) {
			return fmt.Errorf("erased mail %d: %w", id, err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	got := make([]byte, mail.Size())
	if _, err := mail.ReadAt(got, 0); err != nil || string(got) != want {
		return fmt.Errorf("mail %d is %q, %w, want %q", id, got, err, want)
	}
	return store.CheckMail(mail)
}
