//go:build interop || torture

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"postdesk/internal/testkit/load"

	"golang.org/x/sys/unix"
)

// small is a file system of memory with little room.
func small(t *testing.T, options string) (point string) {
	t.Helper()
	root(t)
	point = t.TempDir()
	if err := unix.Mount("tmpfs", point, "tmpfs", 0, options); err != nil {
		t.Skipf("no tmpfs: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(point, 0) })
	return point
}

// Threat 9: customers fill the disk. Mail is answered with 452, what was taken goes out, the process
// lives, also when it is killed and started again on the full disk; when there is room again mail is
// taken again, without a hand on the server.
func TestTheDiskFills(t *testing.T) {
	point := small(t, "size=64m")
	m := newMachine(t, filepath.Join(point, "data"), "24MB", 0)
	m.start()
	m.up()
	sent := m.until452(64 << 10)
	m.kill()
	m.start()
	if !m.up() {
		m.Fatalf("it does not start on a disk that is full for mail only: %s", m.log)
	}
	m.refuses()
	m.drains(sent)
	if err := unix.Mount("tmpfs", point, "tmpfs", unix.MS_REMOUNT, "size=160m"); err != nil {
		t.Fatal(err)
	}
	m.recovers(sent)
}

// Somebody else takes all inodes, and all bytes: the server may end, and then says in words why it
// does not start. What was taken is there.
func TestTheDiskIsFilledByOthers(t *testing.T) {
	for _, c := range []struct {
		name, options string
		fill          func(t *testing.T, dir string) (free func())
	}{
		{"inodes", "size=256m,nr_inodes=1000", takeInodes}, {"bytes", "size=160m", takeBytes},
	} {
		t.Run(c.name, func(t *testing.T) {
			point := small(t, c.options)
			m := newMachine(t, filepath.Join(point, "data"), "24MB", 0)
			m.start()
			m.up()
			sent, _, err := m.sends(40, 4096)
			if err != nil {
				t.Fatal(err)
			}
			free := c.fill(t, point)
			if !m.over(1500 * time.Millisecond) { // the disk is looked at once a second
				m.refuses()
			}
			m.kill()
			m.start()
			if m.up() {
				m.refuses()
			} else if !strings.Contains(m.log.String(), "make room") {
				t.Errorf("it does not say what to do: %s", m.log)
			}
			free()
			m.kill()
			m.start()
			m.up()
			m.recovers(sent)
		})
	}
}

func takeInodes(t *testing.T, dir string) func() {
	var names []string
	for i := 0; ; i++ {
		name := filepath.Join(dir, fmt.Sprint("other", i))
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			break
		}
		names = append(names, name)
	}
	return func() {
		for _, name := range names {
			if err := os.Remove(name); err != nil {
				t.Error(err)
			}
		}
	}
}

func takeBytes(t *testing.T, dir string) func() {
	name := filepath.Join(dir, "other")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for piece := make([]byte, 1<<20); len(piece) > 512; {
		if _, err := f.Write(piece); err != nil {
			piece = piece[:len(piece)/2]
		}
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Error(err)
		}
	}
}

// sends sends each mail once, and says how many were refused.
func (m *machine) sends(mails, size int) (sent []load.Entry, refused int, err error) {
	m.Helper()
	r, err := load.Run(m.Context(), load.Options{Addr: m.addr, To: "support@desk.example", Mails: mails, Connections: 4, Size: size, Limit: patience})
	if err != nil {
		return nil, 0, err
	}
	for _, e := range r.Sent {
		if e.Code/100 == 4 {
			if refused++; e.Code != 452 || !strings.HasPrefix(e.Text, "4.3.1") {
				m.Errorf("%d %s", e.Code, e.Text)
			}
		} else if e.Code != 250 {
			m.Errorf("%d %s", e.Code, e.Text)
		}
	}
	return r.Sent, refused, nil
}

// until452 sends until the disk is too full for more.
func (m *machine) until452(size int) (all []load.Entry) {
	m.Helper()
	for end := time.Now().Add(2 * patience); time.Now().Before(end); {
		sent, refused, err := m.sends(40, size)
		if err != nil {
			m.Fatal(err)
		}
		all = append(all, sent...)
		if m.over(0) {
			m.Fatalf("the server died: %s", m.log)
		}
		if refused == 40 {
			return all
		}
	}
	m.Fatal("the disk does not fill")
	return nil
}

// refuses: mail is answered with 452 within the second that the server may look away.
func (m *machine) refuses() {
	m.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		_, refused, err := m.sends(1, 4096)
		if err != nil {
			m.Fatal(err)
		}
		if refused == 1 || m.over(0) {
			return
		}
	}
	m.Error("mail is taken on a full disk")
}

// recovers waits until mail is taken again, and balances the books.
func (m *machine) recovers(sent []load.Entry) {
	m.Helper()
	for end := time.Now().Add(patience); ; {
		more, refused, err := m.sends(10, 4096)
		if err != nil {
			m.Fatal(err)
		}
		sent = append(sent, more...)
		if refused == 0 {
			break
		}
		if m.over(0) || time.Now().After(end) {
			m.Fatalf("there is room again, and no mail is taken: %s", m.log)
		}
	}
	m.drains(sent)
	if err := m.stop(); err != nil {
		m.Errorf("the last stop: %v: %s", err, m.log)
	}
	m.compare(sent)
	m.say("a full disk", sent)
}
