package message

import (
	"crypto/sha256"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// ErrSpoolFull says that a mail has no room: the spools have as much of the
// disk as they may.
var ErrSpoolFull = errors.New("no room for the mail")

// SpoolMemoryTotal is how many bytes all spools of a Spools hold in memory by
// default. When they are used up, mails go to files from their first byte.
const SpoolMemoryTotal = 64 << 20

// The disk is asked again when so much was written or so much time has passed.
const (
	budgetBytes = 64 << 10
	budgetAge   = time.Second
)

// SpoolOptions is what a Spools is made of.
type SpoolOptions struct {
	Dir    string // of the files, "" is the system's
	Memory int64  // for all of them together, in bytes; 0 is SpoolMemoryTotal
	// Budget gives the bytes that files may take at this moment, beside those
	// that they have: free space less what must stay free. nil is no limit. It
	// must be quick, and is not called by two goroutines at once.
	Budget func() int64
	Now    func() time.Time // nil is time.Now
}

// Spools makes spools that share one budget of memory and disk, so that many
// mails that arrive at the same time can't fill either. It may be used by many
// goroutines. A nil *Spools has no bounds.
type Spools struct {
	o    SpoolOptions
	held atomic.Int64 // bytes in files

	mu     sync.Mutex
	memory int64 // left
	disk   int64 // left, since the budget was asked
	busy   int64 // bytes that were taken and are being written at this moment
	since  int64 // bytes taken since the budget was asked
	at     time.Time
}

// NewSpools makes a Spools.
func NewSpools(o SpoolOptions) *Spools {
	if o.Memory <= 0 {
		o.Memory = SpoolMemoryTotal
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Spools{o: o, memory: o.Memory}
}

// New makes an empty spool for a mail of which is said that it has so many bytes, 0 for not known. Its Write fails with
// ErrSpoolFull when the budget is spent; Close gives back what it took.
func (p *Spools) New(expected int64) *Spool {
	return &Spool{dir: p.o.Dir, limit: SpoolMemory, expected: expected, pool: p, hash: sha256.New()}
}

// HasRoom says whether a mail of n bytes would fit at this moment.
func (p *Spools) HasRoom(n int64) bool { return n <= SpoolMemory || p.hasDisk(n) }

// Held is how many bytes are in files now.
func (p *Spools) Held() int64 { return p.held.Load() }

func (p *Spools) takeMemory(n int) bool {
	if p == nil {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.memory < int64(n) {
		return false
	}
	p.memory -= int64(n)
	return true
}

func (p *Spools) giveMemory(n int) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.memory += int64(n)
}

func (p *Spools) hasDisk(n int64) bool {
	if p == nil {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fits(n)
}

// takeDisk takes n bytes of the budget, to be written now.
func (p *Spools) takeDisk(n int) bool {
	if p == nil {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.fits(int64(n)) {
		return false
	}
	p.disk -= int64(n)
	p.busy += int64(n)
	p.since += int64(n)
	return true
}

// fits says whether n bytes are left. The budget is asked when it is time to,
// and before the answer is no. It does not know of the bytes that others are
// about to write.
func (p *Spools) fits(n int64) bool {
	if p.o.Budget == nil {
		return true
	}
	now := p.o.Now()
	if age := now.Sub(p.at); p.at.IsZero() || p.since >= budgetBytes || age >= budgetAge || age < 0 || n > p.disk {
		p.at, p.since = now, 0
		p.disk = p.o.Budget() - p.busy
	}
	return n <= p.disk
}

// written ends what takeDisk began. What could not be written counts until the
// spool is closed.
func (p *Spools) written(taken int) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy -= int64(taken)
	p.held.Add(int64(taken))
}

// giveDisk gives back what a file had.
func (p *Spools) giveDisk(n int64) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.disk += n
	p.held.Add(-n)
}
