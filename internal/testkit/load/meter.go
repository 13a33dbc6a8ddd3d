package load

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Watched names the processes whose CPU time and memory are measured: those of a
// control group, or some processes and all their descendants. A group also
// counts the processes that came and went.
type Watched struct {
	Group string // folder of a control group: cpuacct of version 1, or version 2
	PIDs  []int  // when there is no group
}

func (w Watched) empty() bool { return w.Group == "" && len(w.PIDs) == 0 }

// meter watches processes.
type meter struct {
	watched Watched
	begin   time.Duration
	peak    footprint
	end     chan struct{}
	done    sync.WaitGroup
}

// startMeter samples the memory five times a second until stop.
func startMeter(w Watched) *meter {
	m := &meter{watched: w, end: make(chan struct{})}
	if w.empty() {
		return m
	}
	m.begin = w.cpu()
	m.done.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			now := w.memory()
			m.peak.pss, m.peak.anonymous = max(m.peak.pss, now.pss), max(m.peak.anonymous, now.anonymous)
			select {
			case <-m.end:
				return
			case <-tick.C:
			}
		}
	})
	return m
}

func (m *meter) stop() (cpu time.Duration, peak footprint) {
	close(m.end)
	m.done.Wait()
	if m.watched.empty() {
		return 0, footprint{}
	}
	return max(m.watched.cpu()-m.begin, 0), m.peak
}

// cpu is what the processes have used so far.
func (w Watched) cpu() (sum time.Duration) {
	if w.Group != "" {
		return groupTime(w.Group)
	}
	for _, pid := range w.processes() {
		sum += cpuTime(pid)
	}
	return sum
}

func (w Watched) memory() (sum footprint) {
	for _, pid := range w.processes() {
		one := memory(pid)
		sum.pss, sum.anonymous = sum.pss+one.pss, sum.anonymous+one.anonymous
	}
	return sum
}

// processes are those that live now.
func (w Watched) processes() (pids []int) {
	if w.Group == "" {
		return family(w.PIDs)
	}
	text, _ := os.ReadFile(filepath.Join(w.Group, "cgroup.procs")) // a group that has gone has none
	for _, f := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(f); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// family is the processes and all their descendants.
func family(roots []int) []int {
	if len(roots) == 0 {
		return nil
	}
	children := map[int][]int{}
	names, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range names {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if f := stat(pid); len(f) > 1 {
			parent, _ := strconv.Atoi(f[1])
			children[parent] = append(children[parent], pid)
		}
	}
	all := append([]int(nil), roots...)
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// groupTime is the CPU time of a control group: cpuacct.usage of version 1, in
// ns, or usage_usec of version 2's cpu.stat.
func groupTime(dir string) time.Duration {
	if text, err := os.ReadFile(filepath.Join(dir, "cpuacct.usage")); err == nil {
		ns, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		return time.Duration(ns)
	}
	text, _ := os.ReadFile(filepath.Join(dir, "cpu.stat"))
	for l := range strings.Lines(string(text)) {
		if number, ok := strings.CutPrefix(l, "usage_usec "); ok {
			us, _ := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
			return time.Duration(us) * time.Microsecond
		}
	}
	return 0
}

// clockTick is USER_HZ, which is 100 on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// stat is the fields of proc(5)'s stat after the name: state, parent and so on.
func stat(pid int) []string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil
	}
	// The name, in parentheses, may hold anything.
	return strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
}

// cpuTime is user and system time of a process and of its children that have
// ended.
func cpuTime(pid int) (sum time.Duration) {
	fields := stat(pid)
	if len(fields) < 15 {
		return 0
	}
	for _, f := range fields[11:15] {
		ticks, _ := strconv.ParseInt(f, 10, 64)
		sum += time.Duration(ticks) * clockTick
	}
	return sum
}

// footprint is memory, bytes.
type footprint struct {
	pss       int64 // proportional set size
	anonymous int64 // what is not of a file
}

// memory is that of one process.
func memory(pid int) (f footprint) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if err != nil {
		return f
	}
	for l := range strings.Lines(string(text)) {
		words := strings.Fields(l)
		if len(words) != 3 {
			continue
		}
		kb, _ := strconv.ParseInt(words[1], 10, 64)
		switch words[0] {
		case "Pss:":
			f.pss = kb << 10
		case "Anonymous:":
			f.anonymous = kb << 10
		}
	}
	return f
}
