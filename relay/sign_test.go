package relay

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"pgregory.net/rapid"

	"postdesk/internal/config"
	"postdesk/internal/message"
	"postdesk/internal/testkit"
	"postdesk/store"
)

// testKey makes a key and its DNS record.
func testKey(t testing.TB, algorithm string) (key crypto.Signer, record string) {
	t.Helper()
	var err error
	switch algorithm {
	case "rsa":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		if public, err = x509.MarshalPKIXPublicKey(key.Public()); err != nil {
			t.Fatal(err)
		}
	}
	return key, "v=DKIM1; k=" + algorithm + "; p=" + base64.StdEncoding.EncodeToString(public)
}

// verify checks all signatures of a mail against records by name.
func verify(t *testing.T, raw []byte, records map[string]string) []*dkim.Verification {
	t.Helper()
	list, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{
		LookupTXT: func(name string) ([]string, error) { return []string{records[name]}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func signedDesk(t *testing.T, algorithms ...string) (*desk, map[string]string) {
	records := make(map[string]string)
	var keys []config.DKIM
	for _, a := range algorithms {
		key, record := testKey(t, a)
		keys = append(keys, config.DKIM{Domain: "example.com", Selector: a, Key: key})
		records[a+"._domainkey.example.com"] = record
	}
	return newDesk(t, func(o *Options) { o.Policy.DKIM = keys }), records
}

func TestSignedWithEveryKeyOfTheDomain(t *testing.T) {
	d, records := signedDesk(t, "rsa", "ed25519")
	sink := d.withSink(testkit.SinkOptions{})
	if row := d.deliverTo("you@example.net"); row.State != store.Delivered {
		t.Fatalf("row: %+v", row)
	}
	raw := sink.Wait(1, patience)[0].Raw
	list := verify(t, raw, records)
	if len(list) != 2 {
		t.Fatalf("%d signatures:\n%s", len(list), raw)
	}
	for _, v := range list {
		if v.Err != nil || v.Domain != "example.com" {
			t.Errorf("%s: %v", v.Domain, v.Err)
		}
		if !v.Expiration.After(v.Time) || v.Expiration.Sub(v.Time) > 15*24*time.Hour {
			t.Errorf("t=%v x=%v", v.Time, v.Expiration)
		}
	}
	if !strings.HasSuffix(string(raw), mailText("x\r\n")) {
		t.Errorf("the mail itself was changed:\n%s", raw)
	}
	for line := range strings.SplitSeq(string(raw), "\r\n") {
		if len(line) > maxLine {
			t.Errorf("a line of %d octets", len(line))
		}
	}
}

// Whatever the white space in header and body, and whatever the fields, the library that others
// verify with agrees.
func TestTheSignatureOfAnyMailVerifies(t *testing.T) {
	key, record := testKey(t, "ed25519")
	keys := newKeyring([]config.DKIM{{Domain: "example.com", Selector: "s", Key: key}})
	word := rapid.SampledFrom([]string{"a", " ", "\t", "\r\n", "\r\n\r\n", ".", "é", ":", "word", "=20"})
	rapid.Check(t, func(r *rapid.T) {
		head := "From: <us@example.com>\r\n"
		for _, name := range rapid.SliceOfN(rapid.SampledFrom([]string{"To", "subject", "Cc", "X-Other", "References", "DATE "}), 0, 6).Draw(r, "names") {
			value := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", " ", "\t", "\r\n x", "\r\n\t", "y:"}), 1, 8).Draw(r, "value"), "")
			head += name + ":" + value + "z\r\n"
		}
		raw := head + "\r\n" + strings.Join(rapid.SliceOf(word).Draw(r, "body"), "")
		signature, err := keys.sign("example.com", message.BytesSource([]byte(raw)))
		if err != nil {
			r.Fatal(err)
		}
		list := verify(t, append(signature, raw...), map[string]string{"s._domainkey.example.com": record})
		if len(list) != 1 || list[0].Err != nil {
			r.Fatalf("%+v\n%s%s", list[0], signature, raw)
		}
	})
}

// A body longer than what is read or hashed at a time is hashed to its end.
func TestTheSignatureOfALongMailVerifies(t *testing.T) {
	key, record := testKey(t, "ed25519")
	keys := newKeyring([]config.DKIM{{Domain: "example.com", Selector: "s", Key: key}})
	raw := "From: <us@example.com>\r\nX-Long: " + strings.Repeat("x ", 8<<10) + "\r\n\r\n" + strings.Repeat("\r\n \tlong  line \r\n", 20000)
	signature, err := keys.sign("example.com", message.BytesSource([]byte(raw)))
	if err != nil {
		t.Fatal(err)
	}
	if list := verify(t, append(signature, raw...), map[string]string{"s._domainkey.example.com": record}); len(list) != 1 || list[0].Err != nil {
		t.Errorf("%+v", list)
	}
}

// A field that is added on top breaks the signature, be it the first of its
// name or one more.
func TestOversigning(t *testing.T) {
	d, records := signedDesk(t, "ed25519")
	sink := d.withSink(testkit.SinkOptions{})
	d.deliverTo("you@example.net")
	raw := sink.Wait(1, patience)[0].Raw
	for _, name := range signedFields {
		forged := append([]byte(name+": forged\r\n"), raw...)
		if list := verify(t, forged, records); len(list) != 1 || list[0].Err == nil {
			t.Errorf("a second %s passes", name)
		}
	}
	if list := verify(t, append([]byte("X-Spam: no\r\n"), raw...), records); list[0].Err != nil {
		t.Errorf("an unsigned field: %v", list[0].Err)
	}
}

func TestDomainWithoutKeysIsNotSigned(t *testing.T) {
	d, _ := signedDesk(t, "ed25519")
	sink := d.withSink(testkit.SinkOptions{})
	d.start()
	d.put(mailText("x\r\n"), func(r *store.Outgoing) { r.Domain = "other.test" }, "you@example.net")
	if raw := sink.Wait(1, patience)[0].Raw; bytes.Contains(raw, []byte("DKIM-Signature")) {
		t.Errorf("signed:\n%s", raw)
	}
}

// A key that is missing, even one of two, holds the mail; nothing leaves
// unsigned, and nothing is given up.
func TestMissingKeyHoldsTheMail(t *testing.T) {
	d, records := signedDesk(t, "rsa", "ed25519")
	good := d.relay.active().Policy
	bad := good
	bad.DKIM = slices.Clone(good.DKIM)
	bad.DKIM[1].Key = nil
	d.relay.SetPolicy(bad)
	sink := d.withSink(testkit.SinkOptions{})
	row := d.deliverTo("you@example.net")
	if row.State != store.Ready || row.Enhanced != "4.3.5" {
		t.Errorf("row: %+v", row)
	}
	d.relay.SetPolicy(good)
	d.pass(2 * time.Minute)
	d.untilState(row.ID, store.Delivered)
	mails := sink.Mails()
	if len(mails) != 1 || len(verify(t, mails[0].Raw, records)) != 2 {
		t.Errorf("%d mails", len(mails))
	}
}

// One mail to several destinations is read and signed once: the signatures are
// the same.
func TestSignedOncePerMail(t *testing.T) {
	d, _ := signedDesk(t, "rsa")
	a, b := testkit.NewSink(t, testkit.SinkOptions{}), testkit.NewSink(t, testkit.SinkOptions{})
	p := d.relay.active().Policy
	p.Relay.Routes = map[string]string{"a.test": a.Addr, "b.test": b.Addr}
	d.relay.SetPolicy(p)
	d.start()
	d.put(mailText("x\r\n"), nil, "you@a.test", "you@b.test")
	if x, y := a.Wait(1, patience)[0].Raw, b.Wait(1, patience)[0].Raw; !bytes.Equal(x, y) {
		t.Errorf("two signatures:\n%s\n%s", x, y)
	}
}

// failingSource breaks off after some bytes.
type failingSource struct {
	message.Source
	good int64
}

func (f failingSource) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.good {
		return 0, errors.New("input/output error")
	}
	return f.Source.ReadAt(p, off)
}

// A mail that can't be read to its end while it is being sent must never be
// finished with a dot: that would be half a mail, delivered with success.
func TestReadErrorNeverSendsTheDot(t *testing.T) {
	d := newDesk(t)
	sink := d.withSink(testkit.SinkOptions{})
	raw := mailText(strings.Repeat("0123456789\r\n", 100000))
	id := d.put(raw, nil, "you@example.net")[0]
	whole := d.store.mails[0]
	// It can be read while it is inspected, not while it is sent.
	reads := 0
	d.store.mails[0] = readerFunc{whole, func(p []byte, off int64) (int, error) {
		if off > 500000 {
			if reads++; reads > 25 {
				return 0, errors.New("input/output error")
			}
		}
		return whole.ReadAt(p, off)
	}}
	d.start()
	row := d.untilTried(id, 1)
	if sink.Count() != 0 {
		t.Fatal("half a mail was delivered")
	}
	if !strings.Contains(row.Text, "can't be read") || !row.DataStarted.IsZero() {
		t.Errorf("row: %+v", row)
	}
}

type readerFunc struct {
	message.Source
	read func(p []byte, off int64) (int, error)
}

func (r readerFunc) ReadAt(p []byte, off int64) (int, error) { return r.read(p, off) }

func TestSignerEndsItsGoroutinesOnReadError(t *testing.T) {
	key, _ := testKey(t, "ed25519")
	keys := newKeyring([]config.DKIM{{Domain: "example.com", Selector: "s", Key: key}, {Domain: "example.com", Selector: "s2", Key: key}})
	src := failingSource{message.BytesSource([]byte(mailText(strings.Repeat("x\r\n", 50000)))), 70000}
	if _, err := keys.sign("example.com", src); !errors.Is(err, errRead) {
		t.Errorf("got %v", err)
	}
	// The test of leaks at the end of the package's tests does the rest.
}

func TestTruncatedSourceIsAReadError(t *testing.T) {
	short := readerFunc{message.BytesSource(make([]byte, 1000)), func(p []byte, off int64) (int, error) { return 0, io.EOF }}
	if err := eachChunk(short, func([]byte) error { return nil }); !errors.Is(err, errRead) {
		t.Errorf("got %v", err)
	}
}

func dkimEntry(key crypto.Signer) []config.DKIM {
	return []config.DKIM{{Domain: "example.com", Selector: "s", Key: key}}
}
