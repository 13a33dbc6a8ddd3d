package server

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"postdesk/internal/config"
	"postdesk/internal/testkit"
)

// An admin is warned two weeks before the certificate ends, and told when it has ended.
func TestTheLogWarnsOfTheCertificate(t *testing.T) {
	cert, key := testkit.CertFiles(t, t.TempDir(), "mx.example.com") // for an hour
	var log bytes.Buffer
	now := time.Now()
	s := &Server{log: slog.New(slog.NewTextHandler(&log, nil)), opts: Options{Now: func() time.Time { return now }}}
	s.warnOfCertificate() // there is none
	c, err := newCertificates(&config.Config{TLS: config.TLS{Cert: cert, Key: key}}, s.opts.Now, s.log)
	if err != nil {
		t.Fatal(err)
	}
	s.cert.Store(c)
	for _, step := range []struct {
		ago  time.Duration
		want string
	}{
		{15 * 24 * time.Hour, ""}, {13 * 24 * time.Hour, "level=WARN msg=\"the certificate expires soon\" days=13"}, {0, "days=0"},
		{-49 * time.Hour, "level=ERROR msg=\"the certificate has expired: clients and servers refuse it\" days_ago=2"},
	} {
		now = time.Now().Add(-step.ago)
		log.Reset()
		if s.warnOfCertificate(); !strings.Contains(log.String(), step.want) || (step.want == "") != (log.Len() == 0) {
			t.Errorf("%v before: %s", step.ago, &log)
		}
	}
}
