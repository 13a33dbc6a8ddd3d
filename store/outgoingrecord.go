package store

import (
	"encoding/binary"
	"errors"
	"time"
)

// outgoingVersion is the first byte of a row of the outbox; its fields follow. A row is written
// three times and read more often on a mail's way out, which JSON made five times as dear.
const outgoingVersion = 2

func encodeOutgoing(row *Outgoing) []byte {
	f := fields{b: append(make([]byte, 0, 384), outgoingVersion)}
	row.fields(&f)
	return f.b
}

// decodeOutgoing reads a row; one of version 1 is JSON. The row keeps none of b.
func decodeOutgoing(b []byte, row *Outgoing) error {
	if len(b) == 0 || b[0] != outgoingVersion {
		old := new(Outgoing) // for JSON it must be on the heap, where the caller's row need not be
		err := decode(b, old)
		*row = *old
		return err
	}
	f := fields{b: b[1:], text: string(b[1:])}
	row.fields(&f)
	if f.bad || len(f.b) > 0 {
		return errors.New("store: a row of the outbox is cut short, or of a later program")
	}
	return nil
}

// fields writes or reads all of a row. The numbers are for ever; a field that is added takes the
// next one and stands last.
func (row *Outgoing) fields(f *fields) {
	number(f, 1, &row.ID)
	number(f, 2, &row.Mail)
	str(f, 3, &row.From.Local)
	str(f, 4, &row.From.Domain)
	str(f, 5, &row.To.Local)
	str(f, 6, &row.To.Domain)
	str(f, 7, &row.Domain)
	str(f, 8, &row.MessageID)
	str(f, 9, &row.Purpose)
	number(f, 10, &row.Ticket)
	number(f, 11, &row.Item)
	number(f, 12, &row.Message)
	str(f, 13, &row.Agent)
	f.flag(14, &row.SMTPUTF8)
	f.flag(15, &row.NotifyNone)
	str(f, 16, &row.State)
	f.time(17, &row.Created)
	f.time(18, &row.Due)
	number(f, 19, &row.Attempts)
	f.time(20, &row.DataStarted)
	f.time(21, &row.Done)
	str(f, 22, &row.Reason)
	f.flag(23, &row.Delayed)
	f.flag(24, &row.Reduced)
	str(f, 25, &row.Host)
	number(f, 26, &row.Code)
	str(f, 27, &row.Enhanced)
	str(f, 28, &row.Text)
}

// fields is a record as it is written or read: each field that is not zero behind the byte that
// names it, in ascending order.
type fields struct {
	b    []byte // what is written, or what is still to be read
	text string // when it is read: what b was at the beginning
	bad  bool
}

func (f *fields) reading() bool { return f.text != "" }

// has says whether a field is to be written, or is the next one to be read.
func (f *fields) has(name byte, zero bool) bool {
	if f.text == "" {
		if !zero {
			f.b = append(f.b, name)
		}
		return !zero
	}
	if len(f.b) == 0 || f.b[0] != name {
		return false
	}
	f.b = f.b[1:]
	return true
}

// uvarint reads a number; what is none ends the record.
func (f *fields) uvarint() uint64 {
	n, k := binary.Uvarint(f.b)
	if k <= 0 {
		f.b, f.bad = nil, true
		return 0
	}
	f.b = f.b[k:]
	return n
}

func number[T ~uint64 | ~int](f *fields, name byte, v *T) {
	switch {
	case !f.has(name, *v == 0):
	case f.reading():
		*v = T(f.uvarint())
	default:
		f.b = binary.AppendUvarint(f.b, uint64(*v))
	}
}

func str[T ~string](f *fields, name byte, v *T) {
	if !f.has(name, *v == "") {
		return
	}
	if !f.reading() {
		f.b = append(binary.AppendUvarint(f.b, uint64(len(*v))), *v...)
		return
	}
	n := f.uvarint()
	if n > uint64(len(f.b)) {
		f.b, f.bad = nil, true
		return
	}
	at := len(f.text) - len(f.b)
	*v, f.b = T(f.text[at:at+int(n)]), f.b[n:]
}

func (f *fields) flag(name byte, v *bool) {
	if f.has(name, !*v) {
		*v = true
	}
}

// time is in nanoseconds since 1970, as in the keys.
func (f *fields) time(name byte, v *time.Time) {
	switch {
	case !f.has(name, v.IsZero()):
	case f.reading():
		*v = time.Unix(0, int64(f.uvarint())).UTC()
	default:
		f.b = binary.AppendUvarint(f.b, uint64(v.UnixNano()))
	}
}
