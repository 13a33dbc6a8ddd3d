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

// certificateSoon is how long before the certificate's end an admin is warned. What
// renews certificates by itself does so a month before.
const certificateSoon = 14 * 24 * time.Hour

// certificateLeft is how long the certificate in use is still good, negative when it is
// not; false when there is none, or ACME looks after it.
func (s *Server) certificateLeft() (time.Duration, bool) {
	c := s.cert.Load()
	if c == nil || c.files == nil {
		return 0, false
	}
	return c.files.files.NotAfter().Sub(s.opts.Now()), true
}

// warnOfCertificate logs that the certificate ends soon. It is called once a day.
func (s *Server) warnOfCertificate() {
	left, ok := s.certificateLeft()
	switch {
	case !ok || left >= certificateSoon:
	case left < 0:
		s.log.Error("the certificate has expired: clients and servers refuse it", "days_ago", int(-left.Hours()/24))
	default:
		s.log.Warn("the certificate expires soon", "days", int(left.Hours()/24))
	}
}
