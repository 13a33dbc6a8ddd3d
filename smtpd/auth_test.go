package smtpd

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func plainOf(user, password string) string { return "AUTH PLAIN " + b64("\x00"+user+"\x00"+password) }

// login connects and tries one password.
func (w *world) login(from byte, user, password string) string {
	w.t.Helper()
	c := w.dial(Submissions, from)
	defer c.conn.Close()
	c.expect("220")
	c.say("EHLO a.test", "250")
	c.send(plainOf(user, password))
	return c.reply()
}

// Three failures are all that a connection has; each takes longer, and all
// sound alike.
func TestThreeWrongPasswordsEndTheConnection(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(Submissions, 0)
	c.expect("220")
	c.say("EHLO a.test", "250")
	var heard []string
	for _, user := range []string{"anne", "nobody", "panic"} {
		c.send(plainOf(user, "wrong"))
		heard = append(heard, c.reply())
	}
	c.expect("421 4.7.0", "EOF")
	if heard[0] != "535 5.7.8 Authentication credentials invalid" || heard[1] != heard[0] || heard[2] != heard[0] {
		t.Errorf("heard %q", heard)
	}
	if d := w.clock.slept; len(d) != 3 || d[0] < time.Second || d[1] <= d[0] || d[2] <= d[1] {
		t.Errorf("delays %v", d)
	}
	if w.tally.get("auth submissions") != 3 {
		t.Errorf("counted %v", w.tally.n)
	}
}

// Who guesses from 200 addresses gets a bounded number of tries, and the owner
// still logs in from where she did before.
func TestGuessersDoNotLockTheOwnerOut(t *testing.T) {
	w := newWorld(t, nil)
	if got := w.login(200, "anne", rightPassword); !strings.HasPrefix(got, "235") {
		t.Fatal(got)
	}
	for i := range 400 {
		w.login(byte(1+i%100), "anne", fmt.Sprint("guess", i))
	}
	if tried := w.desk.tried; tried > loginsPerAccount.N+2 {
		t.Errorf("%d passwords were tried", tried)
	}
	if got := w.login(50, "anne", "wrong"); !strings.HasPrefix(got, "454 4.7.0") {
		t.Error(got)
	}
	if got := w.login(200, "anne", rightPassword); !strings.HasPrefix(got, "235") {
		t.Error("the owner is locked out:", got)
	}
	w.clock.add(time.Hour)
	if got := w.login(201, "anne", rightPassword); !strings.HasPrefix(got, "235") {
		t.Error("an hour later, from elsewhere:", got)
	}
}

// One address that tries many names is slowed down; a right password from
// another address is not.
func TestOneAddressTryingManyNames(t *testing.T) {
	w := newWorld(t, nil)
	for i := range 100 {
		w.login(7, fmt.Sprint("user", i), "wrong")
	}
	if w.desk.tried > loginsPerAddr.N {
		t.Errorf("%d passwords were tried", w.desk.tried)
	}
	if got := w.login(7, "anne", rightPassword); !strings.HasPrefix(got, "454") {
		t.Error(got)
	}
	if got := w.login(8, "anne", rightPassword); !strings.HasPrefix(got, "235") {
		t.Error(got)
	}
}

// A right password takes nothing from the limits.
func TestRightPasswordsAreFree(t *testing.T) {
	w := newWorld(t, nil)
	for i := range 3 * loginsPerAccount.N {
		if got := w.login(9, "anne", rightPassword); !strings.HasPrefix(got, "235") {
			t.Fatalf("%d: %s", i, got)
		}
	}
}

func TestPlainIdentity(t *testing.T) {
	w := newWorld(t, nil)
	for response, want := range map[string]string{
		"anne\x00anne\x00" + rightPassword:  "235",
		"bruno\x00anne\x00" + rightPassword: "535", // nobody acts for another
		"\x00anne\x00":                      "535",
		"\x00anne":                          "501 5.5.2",
		"":                                  "501 5.5.2",
		"\x00" + strings.Repeat("a", 9000) + "\x00": "535",
	} {
		c := w.dial(Submissions, 0)
		c.expect("220")
		c.say("EHLO a.test", "250")
		c.say("AUTH PLAIN", "334 ")
		c.say(b64(response), want)
		c.say("NOOP", "250")
		c.conn.Close()
	}
}

// AUTH within a transaction would change who sent it.
func TestAuthWithinATransaction(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(Submissions, 0)
	c.expect("220")
	c.say(plainOf("anne", rightPassword), "503")
	c.say("EHLO a.test", "250")
	c.say("AUTH PLAIN !", "501 5.5.2")
	c.say("AUTH LOGIN "+b64("anne"), "334 UGFzc3dvcmQ6")
	c.say(strings.Repeat("A", 3*maxSASLLine), "501 5.5.2")
	c.say("MAIL FROM:<a@b.test>", "530")
	c.say(plainOf("anne", rightPassword), "235")
	c.transaction("x@other.test")
	c.send("x", ".")
	c.expect("250")
	if p := w.desk.all()[0].env.Peer; p.Login != "anne" || p.TLS == "" || p.Listener != Submissions {
		t.Errorf("peer %+v", p)
	}
}

// A login ends with the session that STARTTLS ends: there can be none.
func TestNoAuthWithoutACertificate(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Policy.GetCertificate = nil })
	c := w.dial(Submission, 0)
	c.expect("220")
	c.send("EHLO a.test")
	if got := c.reply(); strings.Contains(got, "AUTH") || strings.Contains(got, "STARTTLS") {
		t.Error(got)
	}
	c.say("STARTTLS", "502")
	c.say(plainOf("anne", rightPassword), "538 5.7.11")
	c.say("MAIL FROM:<a@b.test>", "530")
	if w.desk.tried != 0 {
		t.Error("a password was looked at")
	}
}

// Passwords never reach the log, whatever goes wrong; lines stay lines.
func TestLogIsClean(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(Submissions, 0)
	c.expect("220")
	c.say("EHLO evil\u202e\u2028.test", "250")
	secret := "s3cr3t-of-anne"
	c.say(plainOf("anne\x1b[31m\u009b", secret), "535")
	c.say("AUTH LOGIN", "334")
	c.say(b64("anne"), "334")
	c.say(b64(secret), "535")
	c.say("AUTH PLAIN "+b64(secret)+"!", "501")
	c.conn.Close()
	w.close()
	log := w.log.String()
	for _, bad := range []string{secret, b64(secret), b64("\x00anne\x00" + secret), "\x1b", "\u009b", "\u2028", "\u202e"} {
		if strings.Contains(log, bad) {
			t.Errorf("the log has %q", bad)
		}
	}
	if !strings.Contains(log, "login refused") {
		t.Error("the failure is not in the log")
	}
}

func TestBucketsWithAClockThatJumps(t *testing.T) {
	clock := &fakeClock{t: time.Unix(1000, 0)}
	b := newBuckets[string](clock.now)
	taken := func() (n int) {
		for b.take("a", Rate{2, time.Minute}) {
			n++
		}
		return n
	}
	for _, step := range []struct {
		jump time.Duration
		want int
	}{{0, 2}, {-time.Hour, 0}, {30 * time.Second, 1}, {time.Hour, 2}, {time.Second, 0}} {
		clock.add(step.jump)
		if n := taken(); n != step.want {
			t.Errorf("after %v: %d, want %d", step.jump, n, step.want)
		}
	}
	if !b.take("a", Rate{}) {
		t.Error("no rate is no limit")
	}
}

func TestBucketsAreBounded(t *testing.T) {
	clock := &fakeClock{t: time.Unix(1000, 0)}
	b := newBuckets[int](clock.now)
	for i := range 2 * maxBuckets {
		b.take(i, Rate{1, time.Hour})
	}
	if len(b.m) > maxBuckets {
		t.Errorf("%d buckets", len(b.m))
	}
}

func TestNetKey(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::",
		"fe80::1%eth0": "fe80::",
	} {
		if got := netKey(netip.MustParseAddr(in)).String(); got != want {
			t.Errorf("%s is %s", in, got)
		}
	}
}
