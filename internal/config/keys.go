package config

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// tls reads where the certificate comes from, and tries it.
func (r *reader) tls(t *table) TLS {
	defer t.done()
	c := TLS{
		Cert:      r.path(t.text("cert", "")),
		Key:       r.path(t.text("key", "")),
		ACME:      t.boolean("acme", false),
		ACMEEmail: t.text("acme_email", ""),
	}
	switch {
	case c.Cert != "" && c.Key == "":
		t.fail("cert", "has no key; want tls.key too")
	case c.Cert == "" && c.Key != "":
		t.fail("key", "has no certificate; want tls.cert too")
	case c.ACME && c.Cert != "":
		t.fail("acme", "is on beside tls.cert; want one of the two")
	}
	cert, ok1 := t.file("cert", c.Cert)
	key, ok2 := t.secret("key", c.Key)
	if ok1 && ok2 {
		r.tryPair(t, cert, key)
	}
	return c
}

func (r *reader) tryPair(t *table, cert, key []byte) {
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.fail("cert", "certificate and key do not load (%v); want a PEM chain and the PEM key of its first certificate", err)
		return
	}
	leaf := pair.Leaf
	if left := leaf.NotAfter.Sub(r.now); left < 0 {
		t.warn("cert", "expired on %s", leaf.NotAfter.UTC().Format(time.DateOnly))
	} else if left < 14*day {
		t.warn("cert", "expires on %s", leaf.NotAfter.UTC().Format(time.DateOnly))
	}
	r.leaf = leaf
}

// signing reads [[dkim]].
func (r *reader) signing(root *table) []DKIM {
	var keys []DKIM
	r.dkim = root.subs("dkim")
	seen := map[string]bool{}
	for _, t := range r.dkim {
		k := DKIM{
			Domain:   needed(t, "domain", `the domain that signs, as "example.com"`, parseDomain),
			Selector: needed(t, "selector", `a name for the key, as "desk1"`, parseSelector),
			KeyFile:  r.path(t.needed("key", `the file of the private key; "postdesk dkim new" makes one`)),
		}
		if data, ok := t.secret("key", k.KeyFile); ok {
			k.Key = t.signingKey(k.KeyFile, data)
		}
		name := k.Selector + "._domainkey." + k.Domain
		if seen[name] && k.Selector != "" && k.Domain != "" {
			t.fail("selector", "%s has a key already; want another selector", name)
		}
		seen[name] = true
		t.done()
		keys = append(keys, k)
	}
	return keys
}

func parseSelector(s string) (string, error) {
	d, err := parseDomain(s)
	if err != nil {
		return "", fmt.Errorf(`%q is not a selector; want letters, digits and hyphens, as "desk1"`, s)
	}
	return d, nil
}

func (t *table) signingKey(path string, data []byte) crypto.Signer {
	key, err := ParseDKIMKey(data)
	if err != nil {
		t.fail("key", "%s: %v", path, err)
		return nil
	}
	if k, ok := key.(*rsa.PrivateKey); ok && k.N.BitLen() < 2048 {
		t.warn("key", "RSA key of %d bits; want 2048, receivers may take shorter ones for nothing", k.N.BitLen())
	}
	return key
}

// ParseDKIMKey reads a private key in PEM: RSA of at least 1024 bits (RFC 8301
// §3.2) in PKCS #1 or #8, or Ed25519 (RFC 8463) in PKCS #8. The result is an
// *rsa.PrivateKey or an ed25519.PrivateKey.
func ParseDKIMKey(data []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("no PEM block; want a private key, RSA-2048 or Ed25519")
	}
	var key any
	var err error
	if block.Type == "RSA PRIVATE KEY" {
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	} else {
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	if err != nil {
		return nil, fmt.Errorf("%s does not parse as a private key; want RSA-2048 or Ed25519 in PEM", block.Type)
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() < 1024 {
			return nil, fmt.Errorf("RSA key of %d bits; want at least 2048", k.N.BitLen())
		}
		return k, nil
	case ed25519.PrivateKey:
		return k, nil
	}
	return nil, fmt.Errorf("a key of type %T; want RSA-2048 or Ed25519", key)
}
