//go:build interop || torture

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"postdesk/internal/testkit"
	"postdesk/internal/testkit/load"
	"postdesk/store"
)

// machine is a real `postdesk serve` on a data directory, with the world around it: customers
// who send until they are answered, a server that all mail goes to, and a DNS. The process may be
// killed and started again as often as wanted.
type machine struct {
	*testing.T
	bin, dir, data, conf, addr string
	sink                       *load.Sink
	cmd                        *exec.Cmd
	ended                      chan error // of cmd
	log                        *lockedBuffer
}

// patience is that of a busy machine.
const patience = 60 * time.Second

// programs is the folder of what the tests have built.
var programs string

var program = sync.OnceValues(func() (string, error) {
	bin := filepath.Join(programs, "postdesk")
	out, err := exec.Command("go", "build", "-o", bin, "postdesk/cmd/postdesk").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return bin, nil
})

func TestMain(m *testing.M) {
	var err error
	if programs, err = os.MkdirTemp("", "postdesk-torture"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(programs)
	os.Exit(code)
}

// newMachine prepares a machine whose data lies in the folder data. A sink that drops every n-th
// line after the final dot is dropEvery.
func newMachine(t *testing.T, data, minFree string, dropEvery int) *machine {
	t.Helper()
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{T: t, bin: bin, dir: t.TempDir(), data: data, addr: testkit.FreePort(t), log: &lockedBuffer{}}
	if m.sink, err = load.NewSink("127.0.0.1:0", load.SinkOptions{Name: "sink", DropEvery: dropEvery}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.sink.Close)
	dns := testkit.FreePort(t)
	names, err := load.NewNames(dns, "client.example", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { names.Close() })
	m.conf = filepath.Join(m.dir, "config.toml")
	text := fmt.Sprintf(machineConfig, data, m.addr, dns, minFree, m.sink.Addr)
	if err := os.WriteFile(m.conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.kill)
	return m
}

const machineConfig = `
hostname = "mx.desk.example"
data_dir = %q
postmaster = "it@corp.example"
[listen]
mx = [%q]
submission = []
submissions = []
http = []
admin = ""
[dns]
resolver = %q
[limits]
min_free_disk = %q
messages_per_ip = ""
connections_per_ip = 300
[acknowledge]
per_address = ""
per_address_day = ""
per_domain = ""
breaker = ""
[relay]
smarthost = %q
retry = ["1s"]
` + testkit.OneAgent

// lockedBuffer keeps the end of what the process says.
type lockedBuffer struct {
	mu sync.Mutex
	b  []byte
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b = append(l.b, p...)
	if len(l.b) > 64<<10 {
		l.b = bytes.Clone(l.b[len(l.b)-32<<10:])
	}
	return len(p), nil
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.b)
}

// start runs the server under a tracer's command line, or alone.
func (m *machine) start(tracer ...string) {
	m.Helper()
	args := append(tracer, m.bin, "serve", "--config", m.conf)
	m.cmd = exec.Command(args[0], args[1:]...)
	m.cmd.Stderr = m.log
	m.cmd.Env = append(os.Environ(), "GOTRACEBACK=none")
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := m.cmd.Start(); err != nil {
		m.Fatal(err)
	}
	cmd, ended := m.cmd, make(chan error, 1)
	m.ended = ended
	go func() { ended <- cmd.Wait(); close(ended) }()
}

// up waits until the server greets; false is a server that ended before it did.
func (m *machine) up() bool {
	m.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if m.greets() {
			return true
		}
		if m.over(5 * time.Millisecond) {
			return false
		}
	}
	m.Fatalf("the server does not start: %s", m.log)
	return false
}

func (m *machine) greets() bool {
	c, err := net.DialTimeout("tcp", m.addr, time.Second)
	if err != nil {
		return false
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	hello := make([]byte, 3)
	n, _ := c.Read(hello)
	return string(hello[:n]) == "220"
}

// over says whether the process ends within a time.
func (m *machine) over(within time.Duration) bool {
	select {
	case <-m.ended: // closed: stays so
		return true
	case <-time.After(within):
		return false
	}
}

// kill ends the process at once, and its tracer.
func (m *machine) kill() {
	if m.cmd == nil {
		return
	}
	_ = syscall.Kill(-m.cmd.Process.Pid, syscall.SIGKILL) // it may be gone
	if !m.over(patience) {
		m.Error("a killed process does not end")
	}
}

// stop asks the server to end, and tells with what.
func (m *machine) stop() error {
	m.Helper()
	if err := m.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-m.ended:
		return err
	case <-time.After(patience):
		m.kill()
		return errors.New("it does not stop")
	}
}

// customers send until they are stopped, while the server dies and rises.
type customers struct {
	m    *machine
	halt chan struct{}
	done chan struct{}
	sent []load.Entry
	err  error
}

func (m *machine) customers(connections int, rest time.Duration) *customers {
	c := &customers{m: m, halt: make(chan struct{}), done: make(chan struct{})}
	o := load.Options{Addr: m.addr, To: "support@desk.example", Mails: 20000, Size: 1500, Connections: connections}
	ctx, cancel := context.WithCancel(context.Background())
	m.Cleanup(func() { cancel(); <-c.done })
	go func() {
		defer close(c.done)
		c.sent, c.err = load.Persist(ctx, o, c.halt, 5*time.Millisecond, rest)
	}()
	return c
}

// stop waits until the mails that were begun are answered: the server must be up.
func (c *customers) stop() {
	c.m.Helper()
	close(c.halt)
	select {
	case <-c.done:
	case <-time.After(patience):
		c.m.Fatalf("the customers get no answer: %s", c.m.log)
	}
	if c.err != nil {
		c.m.Fatal(c.err)
	}
}

// balances starts the server without a fault, lets everything go out, stops it, and compares
// the ledger with what is in the data directory, to the last checksum.
func (m *machine) balances(c *customers) {
	m.Helper()
	m.start()
	if !m.up() {
		m.Fatalf("it does not start any more: %s", m.log)
	}
	c.stop()
	m.drains(c.sent)
	if err := m.stop(); err != nil {
		m.Errorf("the last stop: %v: %s", err, m.log)
	}
	m.compare(c.sent)
}

// drains waits until each mail's copy and acknowledgement have come, as long as some come.
func (m *machine) drains(sent []load.Entry) {
	m.Helper()
	least, end := len(sent)+1, time.Now()
	for ; ; time.Sleep(20 * time.Millisecond) {
		missing := 0
		came := map[string]bool{}
		for _, a := range m.sink.Arrivals() {
			if !a.Dropped {
				came[fmt.Sprint(a.Origin, a.Ack)] = true
			}
		}
		for _, e := range sent {
			if e.Accepted() && !(came[e.MessageID+"true"] && came[e.MessageID+"false"]) {
				missing++
			}
		}
		switch {
		case missing == 0:
			return
		case missing < least:
			least, end = missing, time.Now().Add(patience)
		case time.Now().After(end):
			m.Fatalf("of %d mails %d have not all that should go out: %s", len(sent), missing, m.log)
		}
	}
}

func (m *machine) compare(sent []load.Entry) {
	m.Helper()
	ctx := context.Background()
	if err := store.Verify(ctx, m.data, func(s string) { m.Error(s) }); err != nil {
		m.Error(err)
	}
	state, err := fromStore(ctx, m.data)
	if err != nil {
		m.Fatal(err)
	}
	for _, f := range load.Check(sent, m.sink.Arrivals(), true, state) {
		m.Error(f)
	}
	if m.Failed() {
		m.Logf("the server said: %s", m.log)
	}
}

// say prints what a run was, for whoever reads the log.
func (m *machine) say(what string, sent []load.Entry) {
	dropped, again := 0, map[string]int{}
	for _, a := range m.sink.Arrivals() {
		if a.Dropped {
			dropped++
		} else {
			again[a.Own+a.To]++
		}
	}
	twice := 0
	for _, n := range again {
		twice += n - 1
	}
	lost := 0
	for _, e := range sent {
		if !e.Accepted() {
			lost++
		}
	}
	m.Logf("%s: %d mails in, %d without a 250, %d mails out, %d dropped by the other side, %d sent twice because the server died behind the dot",
		what, len(sent), lost, len(again), dropped, twice)
}

// need skips the test without a program.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			if _, err := os.Stat("/usr/sbin/" + p); err != nil {
				t.Skipf("%s is not installed", p)
			}
		}
	}
}

// lines of the tracer that tell of an injected fault.
func injected(file string) (list []string) {
	b, _ := os.ReadFile(file)
	for l := range strings.Lines(string(b)) {
		if strings.Contains(l, "INJECTED") {
			list = append(list, strings.TrimSpace(l))
		}
	}
	return list
}
