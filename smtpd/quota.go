package smtpd

import (
	"errors"
	"net/netip"

	"postdesk/internal/message"
)

// bytesPerMessage is what a mail of the rate per address may have on average.
const bytesPerMessage = 1 << 20

// wideTimes is how many times the limits of an IPv6 /64 its /48 has: who is
// given one, as many a site is, has 65536 of the former.
const wideTimes = 8

// network is who shares a limit, and how many times that limit.
type network struct {
	prefix netip.Prefix
	times  int
}

// networksOf gives those of an address: itself, or its IPv6 /64 and /48.
func networksOf(a netip.Addr) []network {
	a = a.Unmap().WithZone("")
	switch {
	case a.Is4():
		return []network{{netip.PrefixFrom(a, 32), 1}}
	case a.Is6():
		return []network{{netip.PrefixFrom(a, 64).Masked(), 1}, {netip.PrefixFrom(a, 48).Masked(), wideTimes}}
	}
	return nil
}

// limited gives the networks to count a peer's mail against. The MTAs in front
// of us and trusted networks have none.
func limited(p Peer) []network {
	if p.Frontend || p.Trusted {
		return nil
	}
	return networksOf(p.Addr)
}

func (r Rate) by(times int) Rate { return Rate{r.N * times, r.Per} }

// bytes is the rate of bytes that goes with the rate of messages; one mail of
// the largest size always fits.
func (p *Policy) bytes() Rate {
	if p.MessagesPerIP.N <= 0 {
		return Rate{}
	}
	return Rate{max(p.MessagesPerIP.N*bytesPerMessage, int(p.MessageSize)), p.MessagesPerIP.Per}
}

// takeMessage counts a mail against the rate of its networks. size is the one
// that was announced, 0 when it is not known: there must be so many bytes left,
// but they are counted as they come.
func (s *Server) takeMessage(peer Peer, p *Policy, size int64) bool {
	nets := limited(peer)
	return takeAll(s.bytes, nets, p.bytes(), 0, min(max(size, 1), p.MessageSize)) && takeAll(s.messages, nets, p.MessagesPerIP, 1, 1)
}

// takeAll takes n tokens of each network where there are need of them, or none
// at all.
func takeAll(t *buckets[netip.Prefix], nets []network, rate Rate, n, need int64) bool {
	for i, net := range nets {
		if t.takeN(net.prefix, rate.by(net.times), n, need) {
			continue
		}
		for _, before := range nets[:i] {
			t.giveBackN(before.prefix, n)
		}
		return false
	}
	return true
}

// meter is the way of a mail into its spool: past the sender's rate of bytes,
// or without room, the reply is temporary, and what was stored is freed.
type meter struct {
	s     *session
	spool *message.Spool
}

func (m meter) Write(p []byte) (int, error) {
	n := int64(len(p))
	if !takeAll(m.s.srv.bytes, limited(m.s.peer), m.s.policy.bytes(), n, n) {
		_ = m.spool.Close() // nothing of it is used
		return 0, smtpError(450, [3]int{4, 7, 1}, "Too many bytes from your address, please try again later")
	}
	k, err := m.spool.Write(p)
	if errors.Is(err, message.ErrSpoolFull) {
		err = smtpError(452, [3]int{4, 3, 1}, noRoom)
	}
	return k, err
}

const noRoom = "Insufficient system storage, please try again later"
