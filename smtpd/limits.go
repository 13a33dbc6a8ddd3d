package smtpd

import (
	"net/netip"
	"sync"
	"time"
)

// maxBuckets bounds the memory of one table of rates.
const maxBuckets = 100_000

// buckets are token buckets, one for each key. An absent one is full.
type buckets[K comparable] struct {
	now func() time.Time

	mu sync.Mutex
	m  map[K]bucket
}

type bucket struct {
	tokens float64
	at     time.Time
	rate   Rate
}

func newBuckets[K comparable](now func() time.Time) *buckets[K] {
	return &buckets[K]{now: now, m: map[K]bucket{}}
}

// fill is the bucket as it is at now. A clock that goes back adds nothing.
func (b bucket) fill(now time.Time) bucket {
	if since := now.Sub(b.at); since > 0 {
		b.tokens = min(float64(b.rate.N), b.tokens+float64(b.rate.N)*since.Seconds()/b.rate.Per.Seconds())
	}
	b.at = now
	return b
}

// take takes one token of k, if there is one. The zero rate always has.
func (t *buckets[K]) take(k K, rate Rate) bool { return t.takeN(k, rate, 1, 1) }

// takeN takes n tokens of k, if there are need.
func (t *buckets[K]) takeN(k K, rate Rate, n, need int64) bool {
	if rate.N <= 0 || rate.Per <= 0 {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	b, ok := t.m[k]
	if !ok {
		t.makeRoom(now)
		b = bucket{tokens: float64(rate.N), at: now}
	}
	b.rate = rate
	b = b.fill(now)
	ok = b.tokens >= float64(need)
	if ok {
		b.tokens -= float64(n)
	}
	t.m[k] = b
	return ok
}

// giveBack returns a token.
func (t *buckets[K]) giveBack(k K) { t.giveBackN(k, 1) }

func (t *buckets[K]) giveBackN(k K, n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if b, ok := t.m[k]; ok {
		b.tokens = min(b.tokens+float64(n), float64(b.rate.N))
		t.m[k] = b
	}
}

// makeRoom forgets full buckets when there are too many, and if all are in
// use, a tenth of them.
func (t *buckets[K]) makeRoom(now time.Time) {
	if len(t.m) < maxBuckets {
		return
	}
	for k, b := range t.m {
		if b.fill(now).tokens >= float64(b.rate.N) {
			delete(t.m, k)
		}
	}
	for k := range t.m {
		if len(t.m) < maxBuckets*9/10 {
			return
		}
		delete(t.m, k)
	}
}

// The rates of password guessing. A password that is right takes nothing.
var (
	loginsPerAddr    = Rate{20, time.Hour}
	loginsPerAccount = Rate{30, time.Hour}
	loginsPerPair    = Rate{20, 10 * time.Minute}
)

// pair is an account used from an address.
type pair struct {
	account string
	addr    netip.Addr
}

// logins limits attempts by address and by account. An address from which an
// account has logged in before has a bucket of its own for that account: who
// guesses from elsewhere, or from behind the same router with another name,
// does not lock its owner out.
type logins struct {
	now       func() time.Time
	byAddr    *buckets[netip.Addr]
	byAccount *buckets[string]
	byPair    *buckets[pair]

	mu    sync.Mutex
	known map[pair]time.Time
}

func newLogins(now func() time.Time) *logins {
	return &logins{
		now: now, known: map[pair]time.Time{},
		byAddr: newBuckets[netip.Addr](now), byAccount: newBuckets[string](now), byPair: newBuckets[pair](now),
	}
}

// take takes an attempt, before the password is looked at: many attempts at
// once count as many.
func (l *logins) take(account string, from netip.Addr) bool {
	p := pair{account, netKey(from)}
	if l.isKnown(p) {
		return l.byPair.take(p, loginsPerPair)
	}
	if !l.byAddr.take(p.addr, loginsPerAddr) {
		return false
	}
	if !l.byAccount.take(account, loginsPerAccount) {
		l.byAddr.giveBack(p.addr)
		return false
	}
	return true
}

// succeeded gives the attempt back and remembers the address.
func (l *logins) succeeded(account string, from netip.Addr) {
	p := pair{account, netKey(from)}
	if l.isKnown(p) {
		l.byPair.giveBack(p)
	} else {
		l.byAddr.giveBack(p.addr)
		l.byAccount.giveBack(account)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.known) >= maxBuckets {
		clear(l.known)
	}
	l.known[p] = l.now()
}

func (l *logins) isKnown(p pair) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.known[p]
	return ok && l.now().Sub(at) < knownFor
}

// netKey is what counts as one address: an IPv4 address, or an IPv6 /64, which
// is what one customer of a provider has.
func netKey(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		return netip.PrefixFrom(a, 64).Masked().Addr()
	}
	return a
}

func contains(list []netip.Prefix, a netip.Addr) bool {
	for _, p := range list {
		if a.IsValid() && p.Contains(a) {
			return true
		}
	}
	return false
}

// isFrontend says whether a peer is one of the MTAs in front of us.
func (p *Policy) isFrontend(a netip.Addr, unix bool) bool {
	return unix && p.FrontendUnix || contains(p.Frontends, a)
}
