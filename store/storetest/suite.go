// Package storetest is the conformance suite of store.Engine: what holds for one engine
// holds for every engine.
package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"postdesk/internal/message"
	"postdesk/store"
)

// Run runs the suite. open gives a new, empty engine; the suite closes it.
func Run(t *testing.T, open func(t *testing.T) store.Engine) {
	for _, c := range []struct {
		name string
		test func(*testing.T, store.Engine)
	}{
		{"WhatIsSetIsRead", whatIsSetIsRead},
		{"InsertFailsWhereAKeyIs", insertFailsWhereAKeyIs},
		{"AnUpdateReadsItsOwnWrites", anUpdateReadsItsOwnWrites},
		{"AFailingUpdateLeavesNothing", aFailingUpdateLeavesNothing},
		{"APanicIsAnErrorAndLeavesNothing", aPanicIsAnErrorAndLeavesNothing},
		{"ScanForwardAndBack", scanForwardAndBack},
		{"ScanWhileWriting", scanWhileWriting},
		{"AViewIsOneSnapshot", aViewIsOneSnapshot},
		{"MailsHaveNumbersWithoutGaps", mailsHaveNumbersWithoutGaps},
		{"AMailIsReadAnywhere", aMailIsReadAnywhere},
		{"AMailWhoseSourceFails", aMailWhoseSourceFails},
		{"AnErasedMailIsGone", anErasedMailIsGone},
		{"ACounterLosesNothing", aCounterLosesNothing},
		{"ACancelledUpdateDoesNotRun", aCancelledUpdateDoesNotRun},
		{"LimitsAreErrors", limitsAreErrors},
		{"SlicesMayBeUsedAgain", slicesMayBeUsedAgain},
		{"RandomModel", randomModel},
		{"AClosedEngineRefuses", aClosedEngineRefuses},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := open(t)
			defer e.Close()
			c.test(t, e)
		})
	}
}

var ctx = context.Background()

func update(t testing.TB, e store.Engine, fn func(store.Tx) error) {
	t.Helper()
	if err := e.Update(ctx, fn); err != nil {
		t.Fatal(err)
	}
}

func view(t testing.TB, e store.Engine, fn func(store.ReadTx) error) {
	t.Helper()
	if err := e.View(ctx, fn); err != nil {
		t.Fatal(err)
	}
}

func get(t testing.TB, e store.Engine, key string) (value string, found bool) {
	t.Helper()
	view(t, e, func(tx store.ReadTx) error {
		b, err := tx.Get([]byte(key))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		value, found = string(b), err == nil
		return err
	})
	return value, found
}

func wantValue(t testing.TB, e store.Engine, key, want string) {
	t.Helper()
	if got, ok := get(t, e, key); !ok || got != want {
		t.Errorf("%q is %q (found %v), want %q", key, got, ok, want)
	}
}

func wantAbsent(t testing.TB, e store.Engine, key string) {
	t.Helper()
	if got, ok := get(t, e, key); ok {
		t.Errorf("%q is %q, want it absent", key, got)
	}
}

func set(key, value string) func(store.Tx) error {
	return func(tx store.Tx) error { return tx.Set([]byte(key), []byte(value)) }
}

func whatIsSetIsRead(t *testing.T, e store.Engine) {
	wantAbsent(t, e, "a")
	update(t, e, set("a", "1"))
	wantValue(t, e, "a", "1")
	update(t, e, set("a", ""))
	wantValue(t, e, "a", "")
	update(t, e, func(tx store.Tx) error { return tx.Delete([]byte("a")) })
	wantAbsent(t, e, "a")
	update(t, e, func(tx store.Tx) error { return tx.Delete([]byte("a")) })
}

func insertFailsWhereAKeyIs(t *testing.T, e store.Engine) {
	insert := func(tx store.Tx) error { return tx.Insert([]byte("a"), []byte("1")) }
	update(t, e, insert)
	if err := e.Update(ctx, insert); !errors.Is(err, store.ErrExists) {
		t.Errorf("a second insert gives %v, want ErrExists", err)
	}
	update(t, e, func(tx store.Tx) error {
		if err := tx.Delete([]byte("a")); err != nil {
			return err
		}
		return tx.Insert([]byte("a"), []byte("2"))
	})
	wantValue(t, e, "a", "2")
}

func anUpdateReadsItsOwnWrites(t *testing.T, e store.Engine) {
	update(t, e, set("old", "1"))
	update(t, e, func(tx store.Tx) error {
		if err := errors.Join(tx.Set([]byte("new"), []byte("2")), tx.Delete([]byte("old"))); err != nil {
			return err
		}
		if v, err := tx.Get([]byte("new")); err != nil || string(v) != "2" {
			return fmt.Errorf("own write reads %q, %v", v, err)
		}
		if _, err := tx.Get([]byte("old")); !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("own deletion reads %v", err)
		}
		if got := keys(tx, "a", "z", 0, false); got != "new" {
			return fmt.Errorf("scan sees %q", got)
		}
		return nil
	})
}

var errOnPurpose = errors.New("on purpose")

func aFailingUpdateLeavesNothing(t *testing.T, e store.Engine) {
	update(t, e, set("a", "1"))
	err := e.Update(ctx, func(tx store.Tx) error {
		_, err := tx.PutMail(message.BytesSource([]byte("lost\r\n")))
		return errors.Join(err, tx.Set([]byte("a"), []byte("2")), tx.Set([]byte("b"), []byte("2")), errOnPurpose)
	})
	if !errors.Is(err, errOnPurpose) {
		t.Errorf("the error is %v, want the function's own", err)
	}
	wantValue(t, e, "a", "1")
	wantAbsent(t, e, "b")
	view(t, e, func(tx store.ReadTx) error {
		if _, err := tx.Mail(1); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the mail of a failed update: %v, want ErrNotFound", err)
		}
		return nil
	})
}

func aPanicIsAnErrorAndLeavesNothing(t *testing.T, e store.Engine) {
	err := e.Update(ctx, func(tx store.Tx) error {
		if err := tx.Set([]byte("a"), []byte("1")); err != nil {
			return err
		}
		panic("on purpose")
	})
	if err == nil || !strings.Contains(err.Error(), "on purpose") {
		t.Errorf("the panic gives %v", err)
	}
	wantAbsent(t, e, "a")
	update(t, e, set("b", "1"))
}

func keys(tx store.ReadTx, lo, hi string, limit int, reverse bool) string {
	var out []string
	err := tx.Scan(bound(lo), bound(hi), limit, reverse, func(k, _ []byte) error {
		out = append(out, string(k))
		return nil
	})
	if err != nil {
		return err.Error()
	}
	return strings.Join(out, " ")
}

// bound makes "" the open end.
func bound(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

func scanForwardAndBack(t *testing.T, e store.Engine) {
	update(t, e, func(tx store.Tx) error {
		for _, k := range []string{"a", "b", "b\x00", "ba", "c", "d\xff", "d\xff\xff", "e"} {
			if err := tx.Set([]byte(k), []byte("v"+k)); err != nil {
				return err
			}
		}
		return nil
	})
	view(t, e, func(tx store.ReadTx) error {
		for _, c := range []struct {
			lo, hi  string
			limit   int
			reverse bool
			want    string
		}{
			{"", "", 0, false, "a b b\x00 ba c d\xff d\xff\xff e"},
			{"", "", 0, true, "e d\xff\xff d\xff c ba b\x00 b a"},
			{"b", "c", 0, false, "b b\x00 ba"},
			{"b", "c", 0, true, "ba b\x00 b"},
			{"b", "c", 2, false, "b b\x00"},
			{"b", "c", 2, true, "ba b\x00"},
			{"b\x00", "ba", 0, false, "b\x00"},
			{"aa", "", 1, false, "b"},
			{"", "ba", 1, true, "b\x00"},
			{"d", "e", 0, true, "d\xff\xff d\xff"},
			{"c", "c", 0, false, ""},
			{"x", "b", 0, false, ""},
			{"x", "z", 0, true, ""},
		} {
			if got := keys(tx, c.lo, c.hi, c.limit, c.reverse); got != c.want {
				t.Errorf("scan %q to %q, limit %d, reverse %v: %q, want %q", c.lo, c.hi, c.limit, c.reverse, got, c.want)
			}
		}
		err := tx.Scan(nil, nil, 0, false, func(_, _ []byte) error { return errOnPurpose })
		if !errors.Is(err, errOnPurpose) {
			t.Errorf("the scan's function's error comes back as %v", err)
		}
		return nil
	})
}

func scanWhileWriting(t *testing.T, e store.Engine) {
	update(t, e, func(tx store.Tx) error {
		return errors.Join(tx.Set([]byte("k1"), nil), tx.Set([]byte("k3"), nil), tx.Set([]byte("k5"), nil))
	})
	update(t, e, func(tx store.Tx) error {
		return tx.Scan([]byte("k"), []byte("l"), 0, false, func(k, _ []byte) error {
			return errors.Join(tx.Delete(k), tx.Set(append([]byte("done/"), k...), k))
		})
	})
	view(t, e, func(tx store.ReadTx) error {
		if got := keys(tx, "", "", 0, false); got != "done/k1 done/k3 done/k5" {
			t.Errorf("left over: %q", got)
		}
		return nil
	})
}

func aViewIsOneSnapshot(t *testing.T, e store.Engine) {
	update(t, e, set("a", "1"))
	view(t, e, func(tx store.ReadTx) error {
		update(t, e, set("a", "2"))
		if v, err := tx.Get([]byte("a")); err != nil || string(v) != "1" {
			t.Errorf("inside the view it is %q, %v", v, err)
		}
		return nil
	})
	wantValue(t, e, "a", "2")
}

func mailsHaveNumbersWithoutGaps(t *testing.T, e store.Engine) {
	next := store.MailID(1)
	for i := range 20 {
		failing := i%3 == 1
		err := e.Update(ctx, func(tx store.Tx) error {
			for k := range 3 {
				id, err := tx.PutMail(message.BytesSource(fmt.Appendf(nil, "mail %d %d", i, k)))
				if err != nil {
					return err
				}
				if id != next+store.MailID(k) {
					t.Errorf("number %d, want %d", id, next+store.MailID(k))
				}
			}
			if failing {
				return errOnPurpose
			}
			return nil
		})
		if failing != (err != nil) {
			t.Fatal(err)
		}
		if !failing {
			next += 3
		}
	}
}

func readMail(t testing.TB, m store.Mail) []byte {
	t.Helper()
	b, err := io.ReadAll(store.NewReader(m))
	if err != nil {
		t.Errorf("mail %d: %v", m.ID(), err)
	}
	if sha256.Sum256(b) != m.SHA256() || int64(len(b)) != m.Size() {
		t.Errorf("mail %d: hash or size is wrong", m.ID())
	}
	return b
}

func aMailIsReadAnywhere(t *testing.T, e store.Engine) {
	for _, size := range []int{0, 1, 100, 4096, 1<<20 - 48, 1 << 20, 3<<20 + 7} {
		want := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
		var inside, outside store.Mail
		update(t, e, func(tx store.Tx) error {
			id, err := tx.PutMail(message.BytesSource(want))
			if err != nil {
				return err
			}
			if inside, err = tx.Mail(id); err != nil {
				return err
			}
			if !bytes.Equal(readMail(t, inside), want) {
				return errors.New("inside the update it reads differently")
			}
			return nil
		})
		view(t, e, func(tx store.ReadTx) (err error) {
			outside, err = tx.Mail(inside.ID())
			return err
		})
		for _, m := range []store.Mail{inside, outside} {
			if !bytes.Equal(readMail(t, m), want) {
				t.Errorf("a mail of %d bytes reads differently", size)
			}
		}
		if n, err := outside.ReadAt(make([]byte, 10), int64(size)); n != 0 || err != io.EOF {
			t.Errorf("behind the end: %d, %v", n, err)
		}
	}
}

type broken struct{ size int64 }

func (b broken) Size() int64 { return b.size }
func (b broken) ReadAt(p []byte, off int64) (int, error) {
	if off > b.size/2 {
		return 0, errOnPurpose
	}
	return len(p), nil
}

func aMailWhoseSourceFails(t *testing.T, e store.Engine) {
	err := e.Update(ctx, func(tx store.Tx) error {
		_, err := tx.PutMail(broken{5 << 20})
		return errors.Join(err, tx.Set([]byte("a"), nil))
	})
	if !errors.Is(err, errOnPurpose) {
		t.Errorf("the update gives %v", err)
	}
	wantAbsent(t, e, "a")
	err = e.Update(ctx, func(tx store.Tx) error {
		_, _ = tx.PutMail(broken{5 << 20})
		return tx.Set([]byte("a"), nil)
	})
	if !errors.Is(err, errOnPurpose) {
		t.Errorf("an update that overlooks the error gives %v", err)
	}
	wantAbsent(t, e, "a")
	update(t, e, func(tx store.Tx) error {
		id, err := tx.PutMail(message.BytesSource([]byte("fine")))
		if id != 1 {
			t.Errorf("the first mail has number %d", id)
		}
		return err
	})
}

func anErasedMailIsGone(t *testing.T, e store.Engine) {
	update(t, e, func(tx store.Tx) error {
		_, err := tx.PutMail(message.BytesSource([]byte("secret")))
		return err
	})
	update(t, e, func(tx store.Tx) error { return tx.EraseMail(1) })
	update(t, e, func(tx store.Tx) error { return tx.EraseMail(1) })
	view(t, e, func(tx store.ReadTx) error {
		if _, err := tx.Mail(1); !errors.Is(err, store.ErrErased) {
			t.Errorf("an erased mail: %v, want ErrErased", err)
		}
		return nil
	})
	if err := e.Update(ctx, func(tx store.Tx) error { return tx.EraseMail(7) }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("erasing what is not there: %v", err)
	}
	update(t, e, func(tx store.Tx) error {
		id, err := tx.PutMail(message.BytesSource([]byte("next")))
		if id != 2 {
			t.Errorf("the next mail has number %d, want 2", id)
		}
		return err
	})
}

// Pitfall of optimistic engines: read-modify-write of one key by many.
func aCounterLosesNothing(t *testing.T, e store.Engine) {
	const workers, each = 10, 20
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				err := e.Update(ctx, func(tx store.Tx) error {
					v, err := tx.Get([]byte("n"))
					if err != nil && !errors.Is(err, store.ErrNotFound) {
						return err
					}
					return tx.Set([]byte("n"), append(bytes.Clone(v), '+'))
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	wantValue(t, e, "n", strings.Repeat("+", workers*each))
}

func aCancelledUpdateDoesNotRun(t *testing.T, e store.Engine) {
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if err := e.Update(gone, set("a", "1")); !errors.Is(err, context.Canceled) {
		t.Errorf("update: %v", err)
	}
	wantAbsent(t, e, "a")
	if err := e.View(gone, func(store.ReadTx) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("view: %v", err)
	}
}

func limitsAreErrors(t *testing.T, e store.Engine) {
	for name, fn := range map[string]func(store.Tx) error{
		"an empty key":             set("", "v"),
		"a key that begins with 0": set("\x00p", "v"),
		"a reserved key":           set("!badger!x", "v"),
		"a long key":               set(strings.Repeat("k", store.MaxKey+1), "v"),
		"a large value":            set("k", strings.Repeat("v", store.MaxValue+1)),
		"a large update": func(tx store.Tx) error {
			for i := range store.MaxUpdate / store.MaxValue * 2 {
				_ = tx.Set(fmt.Appendf(nil, "k%d", i), make([]byte, store.MaxValue))
			}
			return nil // overlooks the error
		},
	} {
		if err := e.Update(ctx, fn); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	update(t, e, set(strings.Repeat("k", store.MaxKey), strings.Repeat("v", store.MaxValue)))
	update(t, e, func(tx store.Tx) error {
		for i := range store.MaxUpdate/store.MaxValue - 1 {
			if err := tx.Set(fmt.Appendf(nil, "k%d", i), make([]byte, store.MaxValue)); err != nil {
				return err
			}
		}
		return nil
	})
	update(t, e, func(tx store.Tx) error { // as many keys as fit
		for i := range store.MaxUpdate / 120 {
			if err := tx.Set(fmt.Appendf(nil, "%d", i), nil); err != nil {
				return err
			}
		}
		return nil
	})
}

func slicesMayBeUsedAgain(t *testing.T, e store.Engine) {
	update(t, e, func(tx store.Tx) error {
		key, value := []byte("k0"), []byte("v0")
		for i := range byte(10) {
			key[1], value[1] = '0'+i, '0'+i
			if err := tx.Set(key, value); err != nil {
				return err
			}
		}
		clear(key)
		clear(value)
		return nil
	})
	wantValue(t, e, "k3", "v3")
	view(t, e, func(tx store.ReadTx) error {
		var all [][]byte
		err := tx.Scan(nil, nil, 0, false, func(k, v []byte) error {
			all = append(all, k, v)
			return nil
		})
		if got := string(bytes.Join(all, nil)); got != "k0v0k1v1k2v2k3v3k4v4k5v5k6v6k7v7k8v8k9v9" {
			t.Errorf("slices kept until the view's end: %q", got)
		}
		return err
	})
}

func aClosedEngineRefuses(t *testing.T, e store.Engine) {
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := e.Update(ctx, set("a", "1")); !errors.Is(err, store.ErrClosed) {
		t.Errorf("update: %v", err)
	}
	if err := e.View(ctx, func(store.ReadTx) error { return nil }); !errors.Is(err, store.ErrClosed) {
		t.Errorf("view: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
}
