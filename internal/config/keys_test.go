package config

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"math/big"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// certificate is a chain of one for mx.example.com, and its key.
func certificate(t *testing.T, until time.Time) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"mx.example.com"}, NotBefore: until.Add(-90 * day), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pkcs8(t, private)
}

func pkcs8(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

const withTLS = "[tls]\ncert = \"/etc/cert.pem\"\nkey = \"/etc/key.pem\"\n"

func TestCertificateIsTriedAndItsEndIsSeen(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		left     time.Duration
		hostname string
		want     string
	}{
		{60 * day, "mx.example.com", ""},
		{10 * day, "mx.example.com", "config.toml:27: tls.cert: expires on 2026-11-30"},
		{-3 * day, "mx.example.com", "config.toml:27: tls.cert: expired on 2026-11-17"},
		{60 * day, "mx.example.net", "config.toml:27: tls.cert: is not for mx.example.net (it is for mx.example.com)"},
	} {
		cert, key := certificate(t, now.Add(c.left))
		root := fstest.MapFS{"etc/cert.pem": {Data: cert}, "etc/key.pem": {Data: key}}
		text := strings.Replace(edit("end", withTLS), "mx.example.com", c.hostname, 1)
		got := ""
		for _, w := range parse(t, text, WithFS(root), At(now)).Warnings {
			if strings.Contains(w, "tls.") {
				got += w
			}
		}
		if got != c.want {
			t.Errorf("%v left: %q, want %q", c.left, got, c.want)
		}
	}
}

func TestCertificateOfAnotherKeyIsRefused(t *testing.T) {
	cert, _ := certificate(t, time.Now().Add(day))
	_, key := certificate(t, time.Now().Add(day))
	root := fstest.MapFS{"etc/cert.pem": {Data: cert}, "etc/key.pem": {Data: key}}
	_, err := Parse("config.toml", []byte(edit("end", withTLS)), WithFS(root))
	if err == nil || !strings.Contains(err.Error(), "config.toml:27: tls.cert: certificate and key do not load") {
		t.Errorf("error is %v", err)
	}
}

func TestDKIMKeysOfBothFormsAreRead(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	forms := map[string][]byte{
		"PKCS #1": pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
		"PKCS #8": pkcs8(t, key),
		"Ed25519": newKey(t),
	}
	for name, data := range forms {
		if _, err := ParseDKIMKey(data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDKIMSelectorTwiceIsRefused(t *testing.T) {
	entry := "[[dkim]]\ndomain = \"example.com\"\nselector = \"a\"\nkey = \"/etc/k.pem\"\n"
	_, err := Parse("config.toml", []byte(edit("end", entry+entry)), WithFS(fstest.MapFS{"etc/k.pem": {Data: newKey(t)}}))
	want := "config.toml:32: dkim.selector: a._domainkey.example.com has a key already; want another selector"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestSecretsThatEveryoneMayReadAreWarnedOf(t *testing.T) {
	text := edit("relay", "smarthost = \"smtp.example.com:587\"\nusername = \"desk\"\npassword_file = \"/etc/secret\"")
	want := "config.toml:11: relay.password_file: every user of this machine may read /etc/secret; chmod o-r"
	for mode, warned := range map[fs.FileMode]bool{0o644: true, 0o640: false, 0o600: false} {
		root := fstest.MapFS{"etc/secret": {Data: []byte("secret"), Mode: mode}}
		if got := slices.Contains(parse(t, text, WithFS(root)).Warnings, want); got != warned {
			t.Errorf("mode %v: warned %v, want %v", mode, got, warned)
		}
	}
}
