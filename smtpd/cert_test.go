package smtpd

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// writeCertificate writes a new self-made certificate to the two files.
func writeCertificate(t *testing.T, certFile, keyFile, name string, stamp time.Time) {
	t.Helper()
	c, err := makeCertificate(name, time.Now().Add(24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: c.Certificate[0]}, keyFile: {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, stamp, stamp); err != nil {
			t.Fatal(err)
		}
	}
}

func nameOf(t *testing.T, r *CertReloader) string {
	t.Helper()
	c, err := r.GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Leaf.Subject.CommonName
}

func TestCertificateIsReadAgainWhenItChanges(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	clock := &fakeClock{t: time.Now()}
	if _, err := CertFiles(cert, key, clock.now); err == nil {
		t.Fatal("no error for absent files")
	}
	stamp := time.Now().Add(-time.Hour)
	writeCertificate(t, cert, key, "one.test", stamp)
	r, err := CertFiles(cert, key, clock.now)
	if err != nil || nameOf(t, r) != "one.test" || r.NotAfter().Before(time.Now()) {
		t.Fatal(err)
	}
	writeCertificate(t, cert, key, "two.test", stamp.Add(time.Second))
	clock.add(certCheckEvery / 2)
	if nameOf(t, r) != "one.test" {
		t.Error("looked at more than once a second")
	}
	clock.add(certCheckEvery)
	if nameOf(t, r) != "two.test" {
		t.Error("the new one was not read")
	}
}

// Half a renewal, rubbish or an absent file keep the old certificate; the next
// look finds the whole one.
func TestBadCertificateKeepsTheOldOne(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	clock := &fakeClock{t: time.Now()}
	writeCertificate(t, cert, key, "one.test", time.Now().Add(-time.Hour))
	r, err := CertFiles(cert, key, clock.now)
	if err != nil {
		t.Fatal(err)
	}
	for _, harm := range []func(){
		func() { writeCertificate(t, cert, filepath.Join(dir, "other"), "two.test", time.Now()) },
		func() { os.WriteFile(key, []byte("rubbish"), 0o600) },
		func() { os.Remove(key) },
	} {
		harm()
		clock.add(2 * certCheckEvery)
		if nameOf(t, r) != "one.test" || r.Err() == nil {
			t.Errorf("%s, %v", nameOf(t, r), r.Err())
		}
	}
	writeCertificate(t, cert, key, "three.test", time.Now().Add(time.Second))
	clock.add(2 * certCheckEvery)
	if nameOf(t, r) != "three.test" || r.Err() != nil {
		t.Errorf("%s, %v", nameOf(t, r), r.Err())
	}
	clock.add(-time.Hour) // a clock that goes back must not stop the looking
	writeCertificate(t, cert, key, "four.test", time.Now().Add(2*time.Second))
	if nameOf(t, r) != "four.test" {
		t.Error("not read after the clock went back")
	}
}

// A renewed certificate is used by the next connection, without a restart.
func TestRenewedCertificateIsServed(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	clock := &fakeClock{t: time.Now()}
	writeCertificate(t, cert, key, "one.test", time.Now().Add(-time.Hour))
	r, err := CertFiles(cert, key, clock.now)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(o *Options) { o.Policy.GetCertificate = r.GetCertificate })
	seen := func() string {
		c := w.dial(Submissions, 0)
		defer c.conn.Close()
		c.expect("220")
		return c.conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	first := seen()
	writeCertificate(t, cert, key, "two.test", time.Now())
	clock.add(2 * certCheckEvery)
	if second := seen(); first != "one.test" || second != "two.test" {
		t.Errorf("%s, then %s", first, second)
	}
}

func TestACMEAnswersOnlyChallenges(t *testing.T) {
	if _, err := ACME("", "", "mx.ours.test"); err == nil {
		t.Error("no error without a folder")
	}
	a, err := ACME(t.TempDir(), "it@corp.test", "mx.ours.test")
	if err != nil {
		t.Fatal(err)
	}
	for path, host := range map[string]string{"/": "mx.ours.test", "/.well-known/acme-challenge/unknown": "mx.ours.test"} {
		rec, req := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "http://"+host+path, nil)
		a.HTTPHandler().ServeHTTP(rec, req)
		if rec.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
}

func TestNoTLSBelow12(t *testing.T) {
	w := newWorld(t, nil)
	conn, err := tls.Dial("tcp", w.listen(Submissions).String(), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10})
	if err == nil {
		conn.Close()
		t.Error("TLS 1.1 was accepted")
	}
}
