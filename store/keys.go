package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// A key is the byte of its table and an order-preserving tuple. Table bytes
// are capital letters for records and small ones for indexes; the engine's own
// keys begin with a byte below 0x20.
const (
	tableTicket     = 'T' // number → ticket.Ticket
	tableEvent      = 'E' // ticket, seq → ticket.Event
	tableMessage    = 'M' // ticket, seq → ticket.Message
	tableContact    = 'C' // id → Contact
	tableOutgoing   = 'O' // id → Outgoing
	tableHeld       = 'H' // id → HeldMail
	tableAgent      = 'G' // id → registered number
	tableCounter    = 'K' // name → last number given
	tableWindow     = 'W' // scope, name → a cap's window
	tableUsual      = 'U' // team, contact or company → who last answered
	tableTurn       = 'R' // team → who was last assigned by turn
	tableSeen       = 'D' // Message-ID, From, body → where it went
	tableTimer      = 'L' // ticket → Timer
	tableAbsence    = 'B' // agent id → Absence
	tableHanded     = 'V' // agent id → tickets handed over during the absence
	tableSolicit    = 'S' // team, address → Solicited
	tableActivity   = 'A' // ticket, number → Activity
	tableInvitation = 'I' // ticket, UID → Invitation

	indexView      = 'v' // team, status, updated, ticket → row
	indexAssignee  = 'a' // assignee, ticket → status
	indexMessageID = 'i' // Message-ID → ticket, seq
	indexAddress   = 'c' // address → contact
	indexDue       = 'd' // due, id of a ready row
	indexState     = 's' // state, id of an outbox row
	indexTally     = 'n' // team, status → how many tickets
	indexRequester = 'q' // contact, ticket
	indexSent      = 'm' // ticket, message, outbox id
	indexItem      = 'j' // ticket, item, outbox id
	indexHeldFor   = 'h' // state, held id
	indexField     = 'f' // field of an entered contact, value, contact
	indexUID       = 'u' // UID of a calendar's event, ticket
	indexExpiry    = 'x' // time, the key of a record that goes then
	indexTimer     = 't' // time, ticket
	indexTime      = 'y' // time, ticket, event: time spent
)

// key encodes a tuple so that the bytes sort as the values do. Strings end in
// 00 01 and 00 in them is 00 FF, so that no string is the beginning of another
// key's string.
func key(table byte, parts ...any) []byte {
	k := make([]byte, 1, 48)
	k[0] = table
	for _, p := range parts {
		switch p := p.(type) {
		case uint64:
			k = binary.BigEndian.AppendUint64(k, p)
		case int:
			k = binary.BigEndian.AppendUint64(k, uint64(p))
		case time.Time:
			k = binary.BigEndian.AppendUint64(k, uint64(p.UnixNano())^1<<63)
		case string:
			k = appendString(k, p)
		default:
			panic("store: a part of a key is neither number, time nor string")
		}
	}
	return k
}

func appendString(k []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		k = append(k, s[i])
		if s[i] == 0 {
			k = append(k, 0xFF)
		}
	}
	return append(k, 0, 1)
}

// timeOf is the time that a key's part begins with.
func timeOf(part []byte) time.Time {
	return time.Unix(0, int64(binary.BigEndian.Uint64(part)^1<<63)).UTC()
}

// lastUint is the number at the end of a key.
func lastUint(k []byte) uint64 { return binary.BigEndian.Uint64(k[len(k)-8:]) }

// within gives the range of all keys that begin with the prefix.
func within(prefix []byte) (lo, hi []byte) {
	hi = append([]byte(nil), prefix...)
	for i := len(hi) - 1; i >= 0; i-- {
		if hi[i]++; hi[i] != 0 {
			return prefix, hi[:i+1]
		}
	}
	return prefix, nil
}

// recordVersion is the first byte of every record but those of messages and of
// the outbox; the rest is JSON. A newer one is refused: it was written by a later program.
const recordVersion = 1

func encode(v any) ([]byte, error) {
	var r record
	e := json.NewEncoder(&r)
	e.SetEscapeHTML(false) // six bytes for one would let a mail choose how large a record is
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("store: encode %T: %w", v, err)
	}
	return bytes.TrimSuffix(r, []byte("\n")), nil
}

// record takes what an encoder writes, which is all at once, behind the version.
type record []byte

func (r *record) Write(p []byte) (int, error) {
	if *r == nil {
		*r = append(make([]byte, 0, 1+len(p)), recordVersion)
	}
	*r = append(*r, p...)
	return len(p), nil
}

func decode(b []byte, v any) error {
	if len(b) == 0 || b[0] != recordVersion {
		return fmt.Errorf("store: a record (%T) is of a newer postdesk, or damaged: install the newer one again, or run `postdesk verify`", v)
	}
	if err := json.Unmarshal(b[1:], v); err != nil {
		return fmt.Errorf("store: decode %T: %w", v, err)
	}
	return nil
}

func get(tx ReadTx, k []byte, v any) error {
	b, err := tx.Get(k)
	if err != nil {
		return err
	}
	return decode(b, v)
}

// find is get where absence is no error.
func find(tx ReadTx, k []byte, v any) (bool, error) {
	err := get(tx, k, v)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func put(tx Tx, k []byte, v any) error {
	b, err := encode(v)
	if err != nil {
		return err
	}
	return tx.Set(k, b)
}

// next gives the next number of a counter, beginning with first.
func next(tx Tx, name string, first uint64) (uint64, error) {
	k := key(tableCounter, name)
	n, ok, err := findCount(tx, k)
	if err != nil {
		return 0, err
	}
	if n++; !ok {
		n = int64(first)
	}
	return uint64(n), putCount(tx, k, n)
}

// findCount is find for a number, of which a mail changes a dozen.
func findCount(tx ReadTx, k []byte) (n int64, ok bool, err error) {
	b, err := tx.Get(k)
	if errors.Is(err, ErrNotFound) {
		return 0, false, nil
	}
	if err == nil {
		n, err = decodeCount(b)
	}
	return n, err == nil, err
}

// decodeCount reads a number as encode writes it.
func decodeCount(b []byte) (int64, error) {
	if len(b) > 1 && b[0] == recordVersion {
		if n, err := strconv.ParseInt(string(b[1:]), 10, 64); err == nil {
			return n, nil
		}
	}
	var n int64
	err := decode(b, &n)
	return n, err
}

// putCount writes a number as put does.
func putCount(tx Tx, k []byte, n int64) error { return tx.Set(k, encodeCount(n)) }

func encodeCount(n int64) []byte {
	return strconv.AppendInt(append(make([]byte, 0, 24), recordVersion), n, 10)
}
