package smtpd

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// CertReloader hands out the certificate of two files, and reads them again
// when they change.
type CertReloader struct {
	cert, key string
	now       func() time.Time

	mu      sync.Mutex
	current *tls.Certificate
	stamp   [2]fileStamp
	checked time.Time
	err     error
}

// fileStamp tells a changed file from an unchanged one.
type fileStamp struct {
	mtime time.Time
	size  int64
}

// certCheckEvery bounds how often the files are looked at.
const certCheckEvery = time.Second

// CertFiles reads a certificate chain and its key, both PEM. The error is that
// of the first reading; later errors keep the old certificate, see Err. now is
// the clock; nil is time.Now.
func CertFiles(cert, key string, now func() time.Time) (*CertReloader, error) {
	if now == nil {
		now = time.Now
	}
	r := &CertReloader{cert: cert, key: key, now: now, checked: now()}
	if r.load(); r.err != nil {
		return nil, r.err
	}
	return r, nil
}

// GetCertificate is for tls.Config and Policy. It looks at the files at most
// once a second.
func (r *CertReloader) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refresh()
	return r.current, nil
}

// Err is the error of the latest reading, nil when it went well. The caller
// may show it; the old certificate is in use meanwhile.
func (r *CertReloader) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// NotAfter is when the certificate in use expires.
func (r *CertReloader) NotAfter() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refresh()
	return r.current.Leaf.NotAfter
}

func (r *CertReloader) refresh() {
	now := r.now()
	if since := now.Sub(r.checked); since >= 0 && since < certCheckEvery {
		return
	}
	r.checked = now
	r.load()
}

// load reads the files if they differ from what was read last. The stamps are
// kept only after success: a key that is written a moment after its
// certificate is found the next time.
func (r *CertReloader) load() {
	stamp, err := stampFiles(r.cert, r.key)
	if err != nil {
		r.err = fmt.Errorf("certificate: %w", err)
		return
	}
	if r.current != nil && stamp == r.stamp {
		r.err = nil
		return
	}
	pair, err := tls.LoadX509KeyPair(r.cert, r.key)
	if err != nil {
		r.err = fmt.Errorf("certificate %s with key %s: %w", r.cert, r.key, err)
		return
	}
	r.current, r.stamp, r.err = &pair, stamp, nil
}

func stampFiles(cert, key string) (stamp [2]fileStamp, err error) {
	for i, name := range []string{cert, key} {
		info, e := os.Stat(name)
		if e != nil {
			err = errors.Join(err, e)
			continue
		}
		stamp[i] = fileStamp{info.ModTime(), info.Size()}
	}
	return stamp, err
}
