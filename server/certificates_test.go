package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"postdesk/internal/testkit"
)

// shown is the end of the certificate that the submission listener shows.
func (d *desk) shown() time.Time {
	d.Helper()
	c, err := smtp.Dial(d.srv.Addr("submission"))
	if err != nil {
		d.Fatal(err)
	}
	defer c.Close()
	if err := c.StartTLS(&tls.Config{InsecureSkipVerify: true}); err != nil {
		d.Fatal(err)
	}
	state, _ := c.TLSConnectionState()
	return state.PeerCertificates[0].NotAfter
}

// puts writes a certificate where the configuration says.
func (d *desk) puts(c tls.Certificate) {
	d.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		d.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: c.Certificate[0]}, "key.pem": {Type: "PRIVATE KEY", Bytes: key}} {
		path := filepath.Join(d.dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			d.Fatal(err)
		}
		if err := os.Chtimes(path, d.now(), d.now()); err != nil { // the file system's clock may be coarse
			d.Fatal(err)
		}
	}
}

// left is what the metric says.
func (d *desk) left() (seconds float64) {
	d.Helper()
	r, err := http.Get("http://" + d.srv.Addr("http") + "/metrics")
	if err != nil {
		d.Fatal(err)
	}
	defer r.Body.Close()
	page, err := io.ReadAll(r.Body)
	if err != nil {
		d.Fatal(err)
	}
	_, after, _ := strings.Cut(string(page), "\npostdesk_certificate_expires_seconds ")
	if _, err := fmt.Sscan(after, &seconds); err != nil {
		d.Fatal(err)
	}
	return seconds
}

// A certificate that ends is an alarm and keeps being shown; half a renewal, of which
// the key is not there yet, changes nothing; a whole one is shown without a reload, and
// the alarm is over.
func TestACertificateIsRenewedWhileRunning(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	ca := testkit.NewSinkCA(t)
	old := d.shown()
	if left := d.left(); left > 3601 || left < 3000 {
		t.Errorf("%v seconds left of an hour", left)
	}
	if err := os.WriteFile(filepath.Join(d.dir, "key.pem"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.later(2 * time.Second)
	if got := d.shown(); !got.Equal(old) {
		t.Errorf("half a renewal is shown: it ends %v", got)
	}
	d.puts(ca.Expired("mx.example.com").Certificates[0])
	d.later(2 * time.Second)
	if got := d.shown(); !got.Before(old) {
		t.Errorf("shown until %v", got)
	}
	if left := d.left(); left > 0 {
		t.Errorf("%v seconds left of an expired certificate", left)
	}
	d.jean().writes(generic, "Une question", "Bonjour\n") // mail goes on
	d.puts(ca.Valid("mx.example.com").Certificates[0])
	d.later(2 * time.Second)
	if got := d.shown(); got.Before(time.Now()) {
		t.Errorf("shown until %v after the renewal", got)
	}
	if left := d.left(); left < 3000 {
		t.Errorf("%v seconds left of an hour", left)
	}
	d.jean().reads()
}
