package server

import (
	"crypto/tls"
	"path/filepath"
	"time"

	"postdesk/internal/config"
	"postdesk/smtpd"
)

// certificates is where the listeners' certificate comes from: files, ACME, or
// nowhere.
type certificates struct {
	get  func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	acme *smtpd.ACMECerts
}

func newCertificates(cfg *config.Config, now func() time.Time) (*certificates, error) {
	switch {
	case cfg.TLS.ACME:
		a, err := smtpd.ACME(filepath.Join(cfg.DataDir, "acme"), cfg.TLS.ACMEEmail, cfg.Hostname)
		if err != nil {
			return nil, err
		}
		return &certificates{get: a.GetCertificate, acme: a}, nil
	case cfg.TLS.Cert != "":
		r, err := smtpd.CertFiles(cfg.TLS.Cert, cfg.TLS.Key, now)
		if err != nil {
			return nil, err
		}
		return &certificates{get: r.GetCertificate}, nil
	}
	return &certificates{}, nil
}
