package store

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"postdesk/internal/addr"
)

// full is a row in which every field is set, so that one that is forgotten shows.
func full(t testing.TB) Outgoing {
	t.Helper()
	at := time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)
	row := Outgoing{ID: 1, Mail: 300, From: addr.Address{Local: "support+x", Domain: "desk.example"}, To: addr.Address{Local: "jean", Domain: "client.example"},
		Domain: "desk.example", MessageID: "a@desk.example", Purpose: PurposeCopy, Ticket: 10000, Item: 2, Message: 1, Agent: "anne", SMTPUTF8: true, NotifyNone: true,
		State: Delivered, Created: at, Due: at.Add(1), Attempts: 3, DataStarted: at.Add(2), Done: time.Unix(-5, 0).UTC(), Reason: "because", Delayed: true, Reduced: true,
		Host: "mx.client.example", Code: 250, Enhanced: "2.0.0", Text: "ok \xff"}
	v := reflect.ValueOf(row)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Fatalf("%s is not set", v.Type().Field(i).Name)
		}
	}
	return row
}

func TestARowOfTheOutboxIsReadAsItWasWritten(t *testing.T) {
	row := full(t)
	record := encodeOutgoing(&row)
	var got Outgoing
	if err := decodeOutgoing(record, &got); err != nil || !reflect.DeepEqual(got, row) {
		t.Errorf("%+v, %v, want %+v", got, err, row)
	}
	if err := decodeOutgoing(record[:len(record)-1], new(Outgoing)); err == nil {
		t.Error("a row that is cut short was read")
	}
	if err := decodeOutgoing(append(record, 29, 1), new(Outgoing)); err == nil {
		t.Error("a row with a field that we do not know was read")
	}
	row.Text = "ok"
	old, err := encode(&row)
	if err != nil {
		t.Fatal(err)
	}
	got = Outgoing{}
	if err := decodeOutgoing(old, &got); err != nil || !reflect.DeepEqual(got, row) {
		t.Errorf("of version 1: %+v, %v, want %+v", got, err, row)
	}
	record[0]++
	if err := decodeOutgoing(record, new(Outgoing)); err == nil {
		t.Error("a newer row was read as if it were ours")
	}
}

func TestAnyRowOfTheOutboxIsReadAsItWasWritten(t *testing.T) {
	text := rapid.String()
	rapid.Check(t, func(r *rapid.T) {
		row := Outgoing{ID: rapid.Uint64().Draw(r, "id"), Agent: text.Draw(r, "agent"), Text: text.Draw(r, "text"), MessageID: text.Draw(r, "message id"),
			Delayed: rapid.Bool().Draw(r, "delayed"), Attempts: rapid.IntMin(0).Draw(r, "attempts"), State: Ready,
			Due: time.Unix(0, rapid.Int64().Draw(r, "due")).UTC()}
		var got Outgoing
		if err := decodeOutgoing(encodeOutgoing(&row), &got); err != nil || !reflect.DeepEqual(got, row) {
			r.Fatalf("%+v, %v, want %+v", got, err, row)
		}
	})
}

func FuzzOutgoingRecord(f *testing.F) {
	row := full(f)
	old, err := encode(&row)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encodeOutgoing(&row))
	f.Add(old)
	f.Fuzz(func(t *testing.T, b []byte) {
		var row, again Outgoing
		if decodeOutgoing(b, &row) != nil || row.Attempts < 0 || row.Code < 0 {
			return
		}
		if err := decodeOutgoing(encodeOutgoing(&row), &again); err != nil || row.Text != again.Text || row.State != again.State {
			t.Fatalf("%+v became %+v, %v", row, again, err)
		}
	})
}

func BenchmarkOutgoingRecord(b *testing.B) {
	row := full(b)
	for b.Loop() {
		if err := decodeOutgoing(encodeOutgoing(&row), new(Outgoing)); err != nil {
			b.Fatal(err)
		}
	}
}
