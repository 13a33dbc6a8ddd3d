package pipeline

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"postdesk/internal/mailauth"
)

// Bounds of the memory of DNS answers.
const (
	answerLife = 30 * time.Second // net.Resolver does not tell the TTL; few are shorter
	maxAnswers = 4096
	maxTXT     = 4 << 10 // bytes of one answer
)

// answers is a resolver that remembers TXT records, and that there are none, for a short
// time: customers of one provider have the same SPF, DKIM and DMARC records, and
// each question costs a socket. A failure is never remembered.
type answers struct {
	mailauth.Resolver
	now func() time.Time

	mu    sync.Mutex
	known map[string]answer
}

type answer struct {
	at  time.Time
	txt []string
	err error // not found
}

func newAnswers(r mailauth.Resolver, now func() time.Time) *answers {
	if r == nil {
		r = net.DefaultResolver
	}
	return &answers{Resolver: r, now: now, known: map[string]answer{}}
}

// LookupTXT asks, unless the answer is known.
func (a *answers) LookupTXT(ctx context.Context, name string) ([]string, error) {
	now := a.now()
	a.mu.Lock()
	k, ok := a.known[name]
	a.mu.Unlock()
	if age := now.Sub(k.at); ok && age >= 0 && age < answerLife {
		return k.txt, k.err
	}
	txt, err := a.Resolver.LookupTXT(ctx, name)
	if lasting(txt, err) {
		a.remember(name, answer{now, txt, err})
	}
	return txt, err
}

// lasting says whether an answer may be remembered.
func lasting(txt []string, err error) bool {
	var de *net.DNSError
	if err != nil && (!errors.As(err, &de) || !de.IsNotFound || de.IsTemporary || de.IsTimeout) {
		return false
	}
	size := 0
	for _, t := range txt {
		size += len(t)
	}
	return size <= maxTXT
}

// remember keeps an answer. When there are too many, the old ones go, and all
// when none is old.
func (a *answers) remember(name string, k answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.known) >= maxAnswers {
		for n, old := range a.known {
			if age := k.at.Sub(old.at); age < 0 || age >= answerLife {
				delete(a.known, n)
			}
		}
		if len(a.known) >= maxAnswers {
			clear(a.known)
		}
	}
	a.known[name] = k
}
