//go:build interop || torture

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// root skips the test for all others, who may not mount.
func root(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
}

// sh runs a program that must succeed, and gives what it prints.
func sh(t *testing.T, name string, args ...string) string {
	t.Helper()
	for _, dir := range []string{"/usr/sbin/", "/sbin/"} {
		if _, err := os.Stat(dir + name); err == nil {
			name = dir + name
			break
		}
	}
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// plate is an ext4 file system in a file, whose power can be cut.
type plate struct {
	t           *testing.T
	loop, point string
}

// newPlate makes and mounts one of so many MB; it skips the test where there are no loop devices.
func newPlate(t *testing.T, size string) *plate {
	t.Helper()
	root(t)
	need(t, "mkfs.ext4", "losetup")
	dir := t.TempDir()
	image := filepath.Join(dir, "image")
	p := &plate{t: t, point: filepath.Join(dir, "disk")}
	sh(t, "truncate", "-s", size, image)
	sh(t, "mkfs.ext4", "-q", "-F", image)
	out, err := exec.Command("losetup", "-f", "--show", image).Output()
	if err != nil {
		t.Skipf("no loop device: %v", err)
	}
	p.loop = strings.TrimSpace(string(out))
	t.Cleanup(func() { _ = exec.Command("losetup", "-d", p.loop).Run() })
	if err := os.Mkdir(p.point, 0o700); err != nil {
		t.Fatal(err)
	}
	p.mount()
	t.Cleanup(func() { _ = unix.Unmount(p.point, 0) })
	return p
}

func (p *plate) mount() {
	p.t.Helper()
	if err := unix.Mount(p.loop, p.point, "ext4", 0, ""); err != nil {
		p.t.Fatalf("mount %s: %v", p.loop, err)
	}
}

// extShutdown is EXT4_IOC_SHUTDOWN, _IOR('X', 125, __u32); noLogFlush lets what was not synced go.
const (
	extShutdown = 0x8004587D
	noLogFlush  = 2
)

// cut takes the power away: what was not synced is lost, and every call fails from now on.
func (p *plate) cut() {
	p.t.Helper()
	f, err := os.Open(p.point)
	if err != nil {
		p.t.Fatal(err)
	}
	defer f.Close()
	if err := unix.IoctlSetPointerInt(int(f.Fd()), extShutdown, noLogFlush); err != nil {
		p.t.Skipf("the file system can't be shut down: %v", err)
	}
}

// again is the disk after the power came back. Nobody may have a file open on it.
func (p *plate) again() {
	p.t.Helper()
	var err error
	for range 200 { // the kernel closes the files of a killed process a little later
		if err = unix.Unmount(p.point, 0); err == nil {
			p.mount()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.t.Fatalf("umount %s: %v", p.point, err)
}
