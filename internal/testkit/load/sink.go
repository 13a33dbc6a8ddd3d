package load

import (
	"bufio"
	"bytes"
	"net"
	"regexp"
	"strings"
	"sync"
	"time"
)

// SinkOptions say what a sink does.
type SinkOptions struct {
	Name      string // in the ledger
	DropEvery int    // of every so many mails one gets no reply to the final dot, and the line is dropped; 0 is never
}

// Sink receives mail and remembers what it was about, not the mail.
type Sink struct {
	Addr string // host:port

	o    SinkOptions
	ln   net.Listener
	done sync.WaitGroup
	lose func(Arrival) bool // tests: answered with 250 and forgotten

	mu      sync.Mutex
	conns   map[net.Conn]bool
	closed  bool
	arrived []Arrival
	kept    int // without those that were dropped
	last    time.Time
}

// NewSink listens on a loopback address, port 0 for any. Close it.
func NewSink(addr string, o SinkOptions) (*Sink, error) {
	if err := Loopback(addr); err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &Sink{Addr: ln.Addr().String(), o: o, ln: ln, conns: map[net.Conn]bool{}}
	s.done.Go(s.accept)
	return s, nil
}

// Close ends the sink and its connections.
func (s *Sink) Close() {
	s.mu.Lock()
	s.closed = true
	s.ln.Close()
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.done.Wait()
}

// Arrivals are the mails that came so far.
func (s *Sink) Arrivals() []Arrival {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Arrival(nil), s.arrived...)
}

func (s *Sink) progress() (n int, last time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept, s.last
}

func (s *Sink) accept() {
	for {
		c, err := s.ln.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			c.Close()
			return
		}
		s.conns[c] = true
		s.done.Go(func() { s.serve(c) })
		s.mu.Unlock()
	}
}

func (s *Sink) serve(c net.Conn) {
	defer func() {
		c.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	p := &sinkPeer{sink: s, r: bufio.NewReaderSize(c, 64<<10), w: bufio.NewWriter(c)}
	p.say("220 sink.test ESMTP")
	for {
		if p.r.Buffered() == 0 && p.w.Flush() != nil {
			break
		}
		l, err := p.r.ReadString('\n')
		if err != nil {
			break
		}
		if !p.command(strings.TrimRight(l, "\r\n")) {
			p.w.Flush()
			break
		}
	}
	s.ended(p.last, p.bye)
}

// sinkPeer is one connection. It answers PIPELINING as a group (RFC 2920).
type sinkPeer struct {
	sink *Sink
	r    *bufio.Reader
	w    *bufio.Writer
	to   []string
	last []int  // places of what was taken last in the sink's list
	bye  bool   // it said QUIT
	mail []byte // the buffer of all its mails
}

func (p *sinkPeer) say(reply string) bool {
	_, err := p.w.WriteString(reply + "\r\n")
	return err == nil
}

func (p *sinkPeer) command(l string) bool {
	verb, arg, _ := strings.Cut(l, " ")
	switch strings.ToUpper(verb) {
	case "EHLO":
		return p.say("250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES")
	case "HELO", "NOOP":
		return p.say("250 2.0.0 ok")
	case "MAIL", "RSET":
		p.to = nil
		return p.say("250 2.0.0 ok")
	case "RCPT":
		_, path, _ := strings.Cut(arg, "<")
		if end := strings.LastIndexByte(path, '>'); end >= 0 {
			path = path[:end]
		}
		p.to = append(p.to, path)
		return p.say("250 2.1.5 ok")
	case "DATA":
		return p.data()
	case "QUIT":
		p.bye = true
		p.say("221 2.0.0 bye")
		return false
	}
	return p.say("500 5.5.1 what?")
}

func (p *sinkPeer) data() bool {
	p.say("354 go on")
	if p.w.Flush() != nil {
		return false
	}
	p.mail = p.mail[:0]
	for begin := true; ; {
		l, err := p.r.ReadSlice('\n') // a part of a line when it is longer than the buffer
		if err != nil && err != bufio.ErrBufferFull {
			return false
		}
		if begin && string(l) == ".\r\n" {
			break
		}
		if begin && l[0] == '.' {
			l = l[1:]
		}
		p.mail, begin = append(p.mail, l...), err == nil
	}
	places, ok := p.sink.take(p.mail, p.to)
	p.last = places
	return ok && p.say("250 2.0.0 ok")
}

// take remembers a mail for each of its recipients, and says at which places of the list. It is not ok when the line
// is to be dropped.
func (s *Sink) take(mail []byte, to []string) (places []int, ok bool) {
	a := describe(mail)
	a.Sink, a.At = s.o.Name, time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	a.Dropped = s.o.DropEvery > 0 && (len(s.arrived)+1)%s.o.DropEvery == 0
	for _, a.To = range to {
		if s.lose != nil && s.lose(a) {
			continue
		}
		places = append(places, len(s.arrived))
		s.arrived = append(s.arrived, a)
		if !a.Dropped {
			s.kept++
		}
	}
	s.last = a.At
	return places, !a.Dropped
}

// ended remembers what was taken last on a line, and marks it if the line ended without QUIT.
func (s *Sink) ended(places []int, bye bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range places {
		s.arrived[i].Cut = !bye
	}
}

// mark is the beginning of the Message-IDs that we make. Copies of a mail have it in
// their text, acknowledgements in their header.
var mark = regexp.MustCompile(`load\.[0-9a-z]+\.[0-9]+@[0-9A-Za-z.-]+`)

// describe reads no more of a mail than it must: the sinks share the processors
// with the server that is measured.
func describe(mail []byte) Arrival {
	a := Arrival{Origin: string(mark.Find(mail))}
	for l := range bytes.Lines(mail) {
		name, value, ok := bytes.Cut(l, []byte(":"))
		switch {
		case !ok && len(bytes.TrimSpace(l)) == 0:
			return a // the end of the header
		case bytes.EqualFold(name, []byte("Message-ID")):
			a.Own = string(bytes.Trim(value, " \t\r\n<>"))
		case bytes.EqualFold(name, []byte("Auto-Submitted")):
			a.Ack = bytes.HasPrefix(bytes.ToLower(bytes.TrimSpace(value)), []byte("auto-replied"))
		}
	}
	return a
}
