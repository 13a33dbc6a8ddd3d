package dnsrecords

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
)

// The algorithms of NewDKIMKey.
const (
	RSA     = "rsa"     // 2048 bits, RFC 8301 §3.2
	Ed25519 = "ed25519" // RFC 8463; not every receiver verifies it, so publish it beside an RSA key
)

// NewDKIMKey makes a private key in PEM (PKCS #8) and the text of the TXT record
// to publish at <selector>._domainkey.<domain>. The algorithm is RSA or Ed25519.
func NewDKIMKey(algorithm string) (pemBytes []byte, record string, err error) {
	var key crypto.Signer
	switch algorithm {
	case RSA:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case Ed25519:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		return nil, "", fmt.Errorf("unknown algorithm %q; want %s or %s", algorithm, RSA, Ed25519)
	}
	if err != nil {
		return nil, "", fmt.Errorf("make a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, "", fmt.Errorf("write the key: %w", err)
	}
	record, err = DKIMText(key.Public())
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), record, err
}

// DKIMText is the TXT record for a public key, RFC 6376 §3.6.1: *rsa.PublicKey
// or ed25519.PublicKey.
func DKIMText(public crypto.PublicKey) (string, error) {
	switch k := public.(type) {
	case *rsa.PublicKey:
		der, err := x509.MarshalPKIXPublicKey(k)
		if err != nil {
			return "", fmt.Errorf("write the public key: %w", err)
		}
		return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der), nil
	case ed25519.PublicKey: // RFC 8463 §4: the bare 32 bytes
		return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(k), nil
	}
	return "", fmt.Errorf("no DKIM key: %T", public)
}
