package store

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/ticket"
)

// recorded is a message with every kind of field, and the record that version 1 wrote of it.
func recorded(t testing.TB) (m ticket.Message, old []byte) {
	t.Helper()
	m = ticket.Message{Seq: 3, Kind: ticket.KindIn, At: time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC), Mail: 9, Subject: "<b> & so on",
		From: addr.Mailbox{Name: "Jean", Address: addr.Address{Local: "jean", Domain: "client.example"}}, MessageID: "a@client.example",
		Prefix: []byte("Return-Path: <jean@client.example>\r\n\xff\x00"), Facts: []byte(`{"id":"1"}`)}
	old, err := encode(&m)
	if err != nil {
		t.Fatal(err)
	}
	return m, old
}

func TestAMessageIsReadAsItWasWritten(t *testing.T) {
	m, old := recorded(t)
	now, err := encodeMessage(&m)
	if err != nil {
		t.Fatal(err)
	}
	for name, record := range map[string][]byte{"this version": now, "version 1": old} {
		var got ticket.Message
		if err := decodeMessage(record, &got); err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, m)
		}
	}
	for n := range bytes.Index(now, m.Facts) {
		if err := decodeMessage(now[:n], new(ticket.Message)); err == nil {
			t.Errorf("a record that is cut off after %d bytes was read", n)
		}
	}
	now[0]++
	if err := decodeMessage(now, new(ticket.Message)); err == nil {
		t.Error("a newer record was read as if it were ours")
	}
	bare := ticket.Message{Seq: 1, Moved: &ticket.Place{Ticket: 4, Message: 2}}
	if now, err = encodeMessage(&bare); err != nil {
		t.Fatal(err)
	}
	var got ticket.Message
	if err := decodeMessage(now, &got); err != nil || !reflect.DeepEqual(got, bare) {
		t.Errorf("%+v, %v, want %+v", got, err, bare)
	}
}

func FuzzMessageRecord(f *testing.F) {
	m, old := recorded(f)
	now, err := encodeMessage(&m)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(now)
	f.Add(old)
	f.Fuzz(func(t *testing.T, b []byte) {
		var m, again ticket.Message
		if decodeMessage(b, &m) != nil {
			return
		}
		b, err := encodeMessage(&m)
		if err == nil {
			err = decodeMessage(b, &again)
		}
		if err != nil || !bytes.Equal(m.Prefix, again.Prefix) || !bytes.Equal(m.Facts, again.Facts) {
			t.Fatalf("%+v became %+v, %v", m, again, err)
		}
	})
}
