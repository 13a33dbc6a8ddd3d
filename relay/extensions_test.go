package relay

import (
	"errors"
	"strings"
	"testing"

	"postdesk/internal/message"
	"postdesk/internal/testkit"
	"postdesk/store"
)

func TestInspect(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	for in, want := range map[string]traits{
		"a\r\nb\r\n":      {},
		"a\r\nb":          {},
		"\r\n\r\n":        {},
		"a\nb\r\n":        {stray: true},
		"a\rb\r\n":        {stray: true},
		"a\r\r\n":         {stray: true},
		"a\r":             {stray: true},
		"\n":              {stray: true},
		"a\x00\r\n":       {stray: true},
		"é\r\n":           {eightBit: true},
		long + "\r\n":     {},
		long + "x\r\n":    {longLine: true},
		"a\r\n" + long:    {},
		long + "\r\nb\n.": {stray: true},
	} {
		if got, err := inspect(message.BytesSource([]byte(in))); err != nil || got != want {
			t.Errorf("%.20q: %+v %v, want %+v", in, got, err, want)
		}
		// Piece by piece it must be the same.
		in2 := inspector{}
		for i := range in {
			in2.chunk([]byte(in[i : i+1]))
		}
		in2.stray = in2.stray || in2.cr
		if in2.traits != want {
			t.Errorf("%.20q octet by octet: %+v, want %+v", in, in2.traits, want)
		}
	}
}

// Nothing stray is ever sent: it could end the mail early somewhere and begin
// another one.
func TestBareCROrLFIsNeverSent(t *testing.T) {
	for _, end := range []string{"\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n", "\r\n.\r", "\r\r\n.\r\n", "\n\r\n.\r\n", "\x00\r\n"} {
		d := newDesk(t)
		sink := d.withSink(testkit.SinkOptions{})
		id := d.put(mailText("x"+end+"MAIL FROM:<evil@example.com>\r\n"), nil, "you@example.net")[0]
		d.start()
		if row := d.untilState(id, store.Failed); row.Enhanced != "5.6.0" {
			t.Errorf("%q: %+v", end, row)
		}
		if sink.Count() != 0 {
			t.Errorf("%q was sent", end)
		}
		d.stop()
	}
}

func TestDotsAreStuffed(t *testing.T) {
	for _, body := range []string{".\r\n", "..\r\n", ".\r\n.\r\n", "a\r\n.\r\nMAIL FROM:<x>\r\n", strings.Repeat(".x\r\n", 20000), strings.Repeat("0123456\r\n.", 10000) + "\r\n"} {
		d := newDesk(t)
		sink := d.withSink(testkit.SinkOptions{})
		d.start()
		d.put(mailText(body), nil, "you@example.net")
		if got := sink.Wait(1, patience)[0]; string(got.Raw) != mailText(body) {
			t.Errorf("%.30q arrived as %.30q, %d octets of %d", body, got.Raw, len(got.Raw), len(mailText(body)))
		}
		d.stop()
	}
}

func TestLastLineWithoutEnd(t *testing.T) {
	d := newDesk(t)
	sink := d.withSink(testkit.SinkOptions{})
	d.start()
	d.put(mailText("no end"), nil, "you@example.net")
	if got := sink.Wait(1, patience)[0]; string(got.Raw) != mailText("no end\r\n") {
		t.Errorf("arrived as %q", got.Raw)
	}
}

func TestServerWithoutPipelining(t *testing.T) {
	d := newDesk(t)
	sink := d.withSink(testkit.SinkOptions{Without: []string{"PIPELINING"}, Recipients: map[string]string{"b@example.net": "550 no"}})
	ids := d.put(mailText("x\r\n"), nil, "a@example.net", "b@example.net", "c@example.net")
	d.start()
	sink.Wait(1, patience)
	d.untilState(ids[0], store.Delivered)
	d.untilState(ids[1], store.Failed)
	d.untilState(ids[2], store.Delivered)
}

func TestEightBitIsAnnounced(t *testing.T) {
	d := newDesk(t)
	sink := d.withSink(testkit.SinkOptions{})
	d.start()
	d.put(mailText("déjà\r\n"), nil, "you@example.net")
	if got := sink.Wait(1, patience)[0]; !strings.Contains(strings.Join(got.Params, " "), "BODY=8BITMIME") || string(got.Raw) != mailText("déjà\r\n") {
		t.Errorf("got %+v", got)
	}
}

// An 8-bit body never goes silently to a server without 8BITMIME: it is
// re-encoded before it is signed, or it comes back.
func TestServerWithout8BITMIME(t *testing.T) {
	d, records := signedDesk(t, "ed25519")
	sink := d.withSink(testkit.SinkOptions{Without: []string{"8BITMIME"}})
	raw := "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n" + mailText("déjà vu\r\n")
	if !canDowngrade(raw) {
		t.Skip("re-encoding is not available")
	}
	d.start()
	id := d.put(raw, nil, "you@example.net")[0]
	d.untilState(id, store.Delivered)
	got := sink.Wait(1, patience)[0]
	if strings.Contains(string(got.Raw), "é") || strings.Contains(strings.Join(got.Params, " "), "8BITMIME") {
		t.Errorf("8 bits were sent:\n%s", got.Raw)
	}
	if list := verify(t, got.Raw, records); len(list) != 1 || list[0].Err != nil {
		t.Errorf("signature: %+v", list)
	}
}

// Text with a line above 998 octets is encoded before the mail is signed, since
// some servers cut it; what can't be goes as it is.
func TestLongLine(t *testing.T) {
	for word, encoded := range map[string]bool{"déjà ": true, "word ": false} {
		d, records := signedDesk(t, "ed25519")
		sink := d.withSink(testkit.SinkOptions{})
		d.start()
		d.put("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"+
			mailText(strings.Repeat(word, 1000)+"\r\n"), nil, "you@example.net")
		raw := sink.Wait(1, patience)[0].Raw
		if tr, err := inspect(message.BytesSource(raw)); err != nil || encoded && (tr.longLine || tr.eightBit) {
			t.Errorf("%s: %+v %v", word, tr, err)
		}
		if list := verify(t, raw, records); len(list) != 1 || list[0].Err != nil {
			t.Errorf("%s: signature: %+v", word, list)
		}
		d.stop()
	}
}

func canDowngrade(raw string) bool {
	_, err := downgrade(message.BytesSource([]byte(raw)))
	return err == nil
}

func TestWhatCantBeDowngradedComesBack(t *testing.T) {
	raw := "MIME-Version: 1.0\r\nContent-Type: multipart/signed; protocol=\"application/pgp-signature\"; micalg=pgp-sha256; boundary=b\r\n" +
		mailText("--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\ndéjà\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nsig\r\n--b--\r\n")
	if _, err := downgrade(message.BytesSource([]byte(raw))); !errors.Is(err, message.ErrCannotDowngrade) {
		t.Skip("re-encoding is not available:", err)
	}
	d := newDesk(t)
	sink := d.withSink(testkit.SinkOptions{Without: []string{"8BITMIME"}})
	d.start()
	id := d.put(raw, nil, "you@example.net")[0]
	if row := d.untilState(id, store.Failed); row.Enhanced != "5.6.3" || row.Host != "mx.example.net" {
		t.Errorf("row: %+v", row)
	}
	if sink.Count() != 0 {
		t.Error("sent")
	}
}

func TestServerWithoutSMTPUTF8(t *testing.T) {
	d := newDesk(t)
	sink := d.withSink(testkit.SinkOptions{Without: []string{"SMTPUTF8"}})
	d.start()
	id := d.put(mailText("x\r\n"), nil, "rené@example.net")[0]
	if row := d.untilState(id, store.Failed); row.Enhanced != "5.6.7" {
		t.Errorf("row: %+v", row)
	}
	if said := strings.Join(sink.Commands(), "\n"); strings.Contains(said, "MAIL") {
		t.Errorf("the server was asked:\n%s", said)
	}
}

func TestSMTPUTF8(t *testing.T) {
	d := newDesk(t)
	sink := d.withSink(testkit.SinkOptions{})
	d.start()
	d.put(mailText("x\r\n"), nil, "rené@example.net")
	if got := sink.Wait(1, patience)[0]; got.To[0] != "rené@example.net" || !strings.Contains(got.Params[0], "SMTPUTF8") {
		t.Errorf("got %+v", got)
	}
}

func TestMailLargerThanTheServerTakes(t *testing.T) {
	d := newDesk(t)
	sink := d.withSink(testkit.SinkOptions{MaxSize: 1000})
	d.start()
	id := d.put(mailText(strings.Repeat("0123456789\r\n", 100)), nil, "you@example.net")[0]
	if row := d.untilState(id, store.Failed); row.Enhanced != "5.3.4" || row.Code != 552 {
		t.Errorf("row: %+v", row)
	}
	if said := strings.Join(sink.Commands(), "\n"); strings.Contains(said, "MAIL") {
		t.Errorf("the server was asked:\n%s", said)
	}
}

func TestNotifyIsNotSaidWithoutDSN(t *testing.T) {
	d := newDesk(t)
	sink := d.withSink(testkit.SinkOptions{Without: []string{"DSN", "SIZE"}})
	d.start()
	d.put(mailText("x\r\n"), func(r *store.Outgoing) { r.NotifyNone = true }, "you@example.net")
	if got := sink.Wait(1, patience)[0]; len(got.Params) != 0 {
		t.Errorf("parameters: %q", got.Params)
	}
}

// A large mail is never in memory as a whole.
func TestLargeMailIsStreamed(t *testing.T) {
	d, _ := signedDesk(t, "rsa")
	sink := d.withSink(testkit.SinkOptions{Discard: true})
	d.start()
	id := d.put(mailText(strings.Repeat("0123456789012345678901234567890123456789\r\n", 200000)), nil, "you@example.net")[0]
	d.untilState(id, store.Delivered)
	if sink.Count() != 1 {
		t.Error("not sent")
	}
}
