package load

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Entry is one mail that was sent, and what the server said to it.
type Entry struct {
	Session   int           `json:"session"`    // of the client, from 1
	MessageID string        `json:"message_id"` // without brackets
	SHA256    string        `json:"sha256"`     // of the bytes that the server got
	Code      int           `json:"code"`       // the reply that decided; 0: the connection ended without one
	Text      string        `json:"text"`       // of the reply, or what happened to the connection
	At        time.Time     `json:"at"`         // of the reply
	Took      time.Duration `json:"took_ns"`    // from MAIL, or the connect that it needed, to the reply
}

// Accepted: the server has promised to keep it.
func (e *Entry) Accepted() bool { return e.Code/100 == 2 }

// Unknown: no reply came. The mail may be there, once, or not.
func (e *Entry) Unknown() bool { return e.Code == 0 }

// Arrival is one mail that a sink got.
type Arrival struct {
	Sink    string `json:"sink"`
	To      string `json:"to"`
	Origin  string `json:"origin"` // Message-ID of the mail in the ledger that it is about, "" when it names none
	Own     string `json:"own"`    // its own Message-ID
	Ack     bool   `json:"acknowledgement"`
	Dropped bool   `json:"dropped"` // the sink dropped the line after the final dot: it has to come again
	// Cut: the line ended without QUIT, with no other mail behind this one. The server may not
	// have written down that it was taken, and send it again. Where it says QUIT it has.
	Cut bool      `json:"cut"`
	At  time.Time `json:"at"`
}

// line is one line of a ledger file.
type line struct {
	Sent    *Entry   `json:"sent,omitempty"`
	Arrived *Arrival `json:"arrived,omitempty"`
}

// WriteLedger writes a run as JSON, one mail a line.
func WriteLedger(w io.Writer, sent []Entry, arrived []Arrival) error {
	buf := bufio.NewWriter(w)
	enc := json.NewEncoder(buf)
	for i := range sent {
		if err := enc.Encode(line{Sent: &sent[i]}); err != nil {
			return err
		}
	}
	for i := range arrived {
		if err := enc.Encode(line{Arrived: &arrived[i]}); err != nil {
			return err
		}
	}
	return buf.Flush()
}

// ReadLedger reads what WriteLedger wrote.
func ReadLedger(r io.Reader) (sent []Entry, arrived []Arrival, err error) {
	dec := json.NewDecoder(r)
	for {
		var l line
		err := dec.Decode(&l)
		if errors.Is(err, io.EOF) {
			return sent, arrived, nil
		}
		if err != nil {
			return nil, nil, fmt.Errorf("ledger: %w", err)
		}
		if l.Sent != nil {
			sent = append(sent, *l.Sent)
		}
		if l.Arrived != nil {
			arrived = append(arrived, *l.Arrived)
		}
	}
}
