package load

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Key signs the mails by DKIM, relaxed/relaxed.
type Key struct {
	Domain, Selector string
	signer           crypto.Signer
	algorithm        string
}

// ReadKey reads an RSA or Ed25519 key: a PEM file, PKCS #8, or PKCS #1 for RSA.
func ReadKey(file, domain, selector string) (*Key, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s: no PEM block", file)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if block.Type == "RSA PRIVATE KEY" {
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	signer, _ := key.(crypto.Signer)
	return NewKey(signer, domain, selector)
}

// NewKey makes a Key of an *rsa.PrivateKey or an ed25519.PrivateKey.
func NewKey(signer crypto.Signer, domain, selector string) (*Key, error) {
	k := &Key{Domain: domain, Selector: selector, signer: signer}
	switch signer.(type) {
	case *rsa.PrivateKey:
		k.algorithm = "rsa-sha256"
	case ed25519.PrivateKey:
		k.algorithm = "ed25519-sha256" // RFC 8463
	default:
		return nil, errors.New("want an RSA or an Ed25519 key")
	}
	return k, nil
}

// letter is a mail to be sent.
type letter struct {
	from, id string
	wire     []byte // with the dots stuffed, without the final dot
	sum      string
}

// compose makes all mails before the first is sent, so that signing them does
// not slow the run down.
func compose(o Options) ([]letter, error) {
	local, domain, ok := strings.Cut(o.From, "@")
	if !ok {
		return nil, fmt.Errorf("%q: want an address", o.From)
	}
	run := strconv.FormatInt(time.Now().UnixNano(), 36)
	letters := make([]letter, o.Mails)
	faults := make([]error, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for w := range faults {
		wg.Go(func() {
			for i := w; i < len(letters) && faults[w] == nil; i += len(faults) {
				from := fmt.Sprintf("%s%d@%s", local, i, domain)
				letters[i], faults[w] = write(o, from, fmt.Sprintf("load.%s.%d@%s", run, i, domain), i)
			}
		})
	}
	wg.Wait()
	return letters, errors.Join(faults...)
}

// write makes one mail. Its lines are in the form that relaxed
// canonicalisation (RFC 6376 §3.4.2, §3.4.4) leaves as they are, but for the names
// of the header fields.
func write(o Options, from, id string, n int) (letter, error) {
	header := [][2]string{
		{"From", fmt.Sprintf("Customer %d <%s>", n, from)},
		{"To", o.To},
		{"Subject", fmt.Sprintf("Question %d about my order", n)},
		{"Date", time.Now().UTC().Format(time.RFC1123Z)},
		{"Message-ID", "<" + id + ">"},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=us-ascii"},
	}
	text := body(id, o.Size)
	var b bytes.Buffer
	if o.Key != nil {
		field, err := o.Key.sign(header, text)
		if err != nil {
			return letter{}, err
		}
		b.WriteString(field)
	}
	for _, f := range header {
		b.WriteString(f[0] + ": " + f[1] + "\r\n")
	}
	b.WriteString("\r\n")
	b.Write(text)
	sum := sha256.Sum256(b.Bytes())
	return letter{from: from, id: id, wire: b.Bytes(), sum: hex.EncodeToString(sum[:])}, nil
}

// body is about size bytes of short lines, of which none begins with a dot.
func body(id string, size int) []byte {
	b := []byte("Reference: " + id + "\r\n\r\nHello,\r\n\r\n")
	for i := 0; len(b) < size; i++ {
		b = fmt.Appendf(b, "%d. What I ordered has not come, and nobody told me why.\r\n", i+1)
	}
	return b
}

// sign gives a DKIM-Signature field, RFC 6376 §3.5.
func (k *Key) sign(header [][2]string, text []byte) (string, error) {
	bodyHash := sha256.Sum256(text)
	var names []string
	sum := sha256.New()
	for _, f := range header {
		names = append(names, strings.ToLower(f[0]))
		fmt.Fprintf(sum, "%s:%s\r\n", strings.ToLower(f[0]), f[1])
	}
	value := fmt.Sprintf("v=1; a=%s; c=relaxed/relaxed; d=%s; s=%s; t=%d; h=%s; bh=%s; b=", k.algorithm, k.Domain, k.Selector,
		time.Now().Unix(), strings.Join(names, ":"), base64.StdEncoding.EncodeToString(bodyHash[:]))
	sum.Write([]byte("dkim-signature:" + value))
	digest, hash := sum.Sum(nil), crypto.SHA256
	if k.algorithm == "ed25519-sha256" {
		hash = 0 // the digest is what is signed, RFC 8463 §3
	}
	sig, err := k.signer.Sign(rand.Reader, digest, hash)
	if err != nil {
		return "", err
	}
	return "DKIM-Signature: " + value + base64.StdEncoding.EncodeToString(sig) + "\r\n", nil
}

// Mail makes the n-th customer's mail as a run with these options would send it,
// for benchmarks that call the parts without SMTP. Mails of one n differ by
// the caller's run.
func (o Options) Mail(run string, n int) (from string, raw []byte, err error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if err := o.fill(); err != nil {
		return "", nil, err
	}
	local, domain, _ := strings.Cut(o.From, "@")
	from = fmt.Sprintf("%s%d@%s", local, n, domain)
	l, err := write(o, from, fmt.Sprintf("load.%s.%d@%s", run, n, domain), n)
	return from, l.wire, err
}
