package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// newLog writes JSON lines in which nothing can be obeyed by a terminal.
func newLog(w io.Writer) *slog.Logger { return slog.New(slog.NewJSONHandler(escaper{w}, nil)) }

// escaper writes what encoding/json leaves as it is and a terminal may obey, DEL,
// the C1 controls and the marks of direction, as JSON escapes.
type escaper struct{ w io.Writer }

func (e escaper) Write(p []byte) (int, error) {
	if bytes.IndexFunc(p, obeyed) < 0 {
		return e.w.Write(p)
	}
	var b bytes.Buffer
	for _, r := range string(p) {
		if obeyed(r) {
			fmt.Fprintf(&b, "\\u%04x", r)
		} else {
			b.WriteRune(r)
		}
	}
	_, err := e.w.Write(b.Bytes())
	return len(p), err
}

func obeyed(r rune) bool {
	return r >= 0x7F && r <= 0x9F || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 || r == 0x200E || r == 0x200F
}

// notifier tells systemd how the service stands, sd_notify(3). Without a socket
// it does nothing.
type notifier struct {
	path string
	log  *slog.Logger
}

func newNotifier(path string, log *slog.Logger) *notifier { return &notifier{path, log} }

func (n *notifier) send(state string) {
	if n.path == "" {
		return
	}
	name := n.path
	if strings.HasPrefix(name, "@") { // abstract
		name = "\x00" + name[1:]
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err == nil {
		_, err = conn.Write([]byte(state))
		conn.Close()
	}
	if err != nil {
		n.log.Warn("systemd can't be told", "state", state, "error", err)
	}
}

// reloading wants the time of the monotonic clock beside it.
func (n *notifier) reloading() {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return
	}
	n.send(fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", now.Nano()/1000))
}

// memoryShare of the machine is what the Go heap may take, in percent: the index
// maps files beside it.
const memoryShare = 75

// collectAt is GOGC, unless the admin set it. Half of the heap is memtables of the index, in which there
// is nothing to look at, so that collecting twice as often costs little: 3 % of the time, for 30 MB.
const collectAt = 50

// limitMemory sets GOGC, and GOMEMLIMIT from the machine, when the admin did not.
func limitMemory(log *slog.Logger) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	total := min(machineMemory("/proc/meminfo"), cgroupMemory("/proc/self/cgroup", "/sys/fs/cgroup"))
	if total == math.MaxInt64 {
		return
	}
	limit := total / 100 * memoryShare
	debug.SetMemoryLimit(limit)
	log.Info("memory limit", "bytes", limit)
}

// machineMemory is MemTotal in bytes, MaxInt64 when unknown.
func machineMemory(path string) int64 {
	raw, err := os.ReadFile(path)
	if err != nil {
		return math.MaxInt64
	}
	for line := range strings.Lines(string(raw)) {
		f := strings.Fields(line)
		if len(f) >= 2 && f[0] == "MemTotal:" {
			if kb, err := strconv.ParseInt(f[1], 10, 64); err == nil {
				return kb << 10
			}
		}
	}
	return math.MaxInt64
}

// cgroupMemory is the lowest memory.max of our control group (version 2) and
// those above it, MaxInt64 when there is none.
func cgroupMemory(self, root string) int64 {
	lowest := int64(math.MaxInt64)
	raw, err := os.ReadFile(self)
	if err != nil {
		return lowest
	}
	group, ok := "", false
	for line := range strings.Lines(string(raw)) {
		if group, ok = strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			break
		}
	}
	if !ok {
		return lowest
	}
	for dir := filepath.Clean("/" + group); ; dir = filepath.Dir(dir) {
		raw, err := os.ReadFile(filepath.Join(root, dir, "memory.max"))
		if n, bad := strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64); err == nil && bad == nil {
			lowest = min(lowest, n)
		}
		if dir == "/" {
			return lowest
		}
	}
}
