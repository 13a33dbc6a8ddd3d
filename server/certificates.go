package server

import (
	"crypto/tls"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"postdesk/internal/config"
	"postdesk/smtpd"
)

// certificates is where the listeners' certificate comes from: files, ACME, or
// nowhere.
type certificates struct {
	get   func(*tls.ClientHelloInfo) (*tls.Certificate, error) // nil: no TLS
	acme  *smtpd.ACMECerts
	files *watchedFiles
}

func newCertificates(cfg *config.Config, now func() time.Time, log *slog.Logger) (*certificates, error) {
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
		f := &watchedFiles{files: r, log: log}
		return &certificates{get: f.GetCertificate, files: f}, nil
	}
	return &certificates{}, nil
}

// watchedFiles logs each new error of a certificate that can't be read again:
// the old one is in use meanwhile, and clients would notice only when it ends.
type watchedFiles struct {
	files *smtpd.CertReloader
	log   *slog.Logger

	mu   sync.Mutex
	told string
}

func (w *watchedFiles) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	cert, err := w.files.GetCertificate(hello)
	w.tell()
	return cert, err
}

func (w *watchedFiles) tell() {
	text := ""
	if err := w.files.Err(); err != nil {
		text = err.Error()
	}
	w.mu.Lock()
	fresh := text != w.told
	w.told = text
	w.mu.Unlock()
	if fresh && text != "" {
		w.log.Error("the changed certificate can't be used, the old one stays", "error", text, "ends", w.files.NotAfter())
	}
}
