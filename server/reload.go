package server

import (
	"context"
	"fmt"
	"slices"

	"postdesk/internal/config"
)

// Reload takes a new configuration. What can't change while running is an
// error that names it; on any error the old configuration stays. It must not be
// called twice at the same time.
func (s *Server) Reload(ctx context.Context, cfg *config.Config) (err error) {
	defer func() { s.Metrics.Reload(err == nil) }()
	if err := unchangeable(s.Config(), cfg); err != nil {
		return err
	}
	cert := s.cert.Load()
	if cert.acme == nil { // its manager serves the challenges, and stays
		if cert, err = newCertificates(cfg, s.opts.Now, s.log); err != nil {
			return err
		}
	}
	s.Store.SetMinFreeDisk(cfg.Limits.MinFreeDisk) // first: it may be lowered because nothing can be written
	if err := s.Pipeline.SetConfig(ctx, cfg); err != nil {
		s.Store.SetMinFreeDisk(s.Config().Limits.MinFreeDisk)
		return err
	}
	s.cert.Store(cert)
	s.config.Store(cfg)
	s.Relay.SetPolicy(relayPolicy(cfg))
	s.smtp.SetPolicy(s.smtpPolicy(cfg))
	s.Metrics.SetTeams(teamAddresses(cfg))
	s.Relay.Wake()
	s.wakeTimers()
	return nil
}

// unchangeable names what needs a restart.
func unchangeable(old, cfg *config.Config) error {
	o, n := &old.Listen, &cfg.Listen
	for _, x := range []struct {
		key  string
		same bool
	}{
		{"data_dir", old.DataDir == cfg.DataDir},
		{"listen.mx", slices.Equal(o.MX, n.MX)},
		{"listen.submission", slices.Equal(o.Submission, n.Submission)},
		{"listen.submissions", slices.Equal(o.Submissions, n.Submissions)},
		{"listen.lmtp", slices.Equal(o.LMTP, n.LMTP)},
		{"listen.http", slices.Equal(o.HTTP, n.HTTP)},
		{"listen.acme", slices.Equal(o.ACME, n.ACME)},
		{"listen.admin", o.Admin == n.Admin},
		{"tls.acme", old.TLS.ACME == cfg.TLS.ACME},
		{"tls.acme_email", !cfg.TLS.ACME || old.TLS.ACMEEmail == cfg.TLS.ACMEEmail},
		{"hostname (with tls.acme)", !cfg.TLS.ACME || old.Hostname == cfg.Hostname},
	} {
		if !x.same {
			return fmt.Errorf("%s: %s: changing it needs a restart", cfg.File, x.key)
		}
	}
	return nil
}
