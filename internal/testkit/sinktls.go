package testkit

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"
)

// SinkCA is a certificate authority for the TLS of sinks.
type SinkCA struct {
	Pool *x509.CertPool // trusts this authority alone

	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewSinkCA makes a new authority.
func NewSinkCA(t testing.TB) *SinkCA {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sink authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &SinkCA{Pool: pool, t: t, cert: cert, key: key}
}

// Valid is a server with a certificate for hosts (names or addresses).
func (ca *SinkCA) Valid(hosts ...string) *tls.Config {
	return ca.issue(ca.cert, ca.key, time.Now().Add(time.Hour), hosts)
}

// Expired is a server whose certificate ended a minute ago.
func (ca *SinkCA) Expired(hosts ...string) *tls.Config {
	return ca.issue(ca.cert, ca.key, time.Now().Add(-time.Minute), hosts)
}

// SelfSigned is a server that no authority knows.
func (ca *SinkCA) SelfSigned(hosts ...string) *tls.Config {
	return ca.issue(nil, nil, time.Now().Add(time.Hour), hosts)
}

func (ca *SinkCA) issue(parent *x509.Certificate, by *ecdsa.PrivateKey, until time.Time, hosts []string) *tls.Config {
	ca.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		ca.t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: hosts[0]},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			tmpl.IPAddresses = append(tmpl.IPAddresses, ip)
		} else {
			tmpl.DNSNames = append(tmpl.DNSNames, h)
		}
	}
	if parent == nil {
		parent, by = tmpl, key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, by)
	if err != nil {
		ca.t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}
