package smtpd

import (
	"errors"
	"net/http"

	"crypto/tls"

	"golang.org/x/crypto/acme/autocert"
)

// ACMECerts gets and renews a certificate by ACME (RFC 8555) with the HTTP-01
// challenge. TLS-ALPN-01 is not used: it needs port 443, and no mail port may
// answer for it.
type ACMECerts struct {
	manager *autocert.Manager
	host    string
}

// ACME makes the certificate source for one host name. Account and certificates
// are kept in dir (0700). email is for the authority's notices, "" is none.
// Using it means that the admin agrees to the authority's terms.
func ACME(dir, email, hostname string) (*ACMECerts, error) {
	if hostname == "" || dir == "" {
		return nil, errors.New("acme: a host name and a folder are required")
	}
	return &ACMECerts{host: hostname, manager: &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      autocert.DirCache(dir),
		HostPolicy: autocert.HostWhitelist(hostname),
		Email:      email,
	}}, nil
}

// HTTPHandler answers the HTTP-01 challenge on port 80, and 404 to all else.
func (a *ACMECerts) HTTPHandler() http.Handler {
	return a.manager.HTTPHandler(http.NotFoundHandler())
}

// GetCertificate is for tls.Config and Policy. Mail clients and servers often
// send no server name (RFC 7817), or that of an MX alias; there is one
// certificate, so the configured name stands for all. A challenge of
// TLS-ALPN-01 is refused.
func (a *ACMECerts) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	h := *hello
	h.ServerName, h.SupportedProtos = a.host, nil
	return a.manager.GetCertificate(&h)
}
