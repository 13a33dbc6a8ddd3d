package testkit

import (
	"fmt"
	"net"
	"os"
	"testing"
)

// FreePort is an address, host:port, for a server that a test starts later or starts again. The host is a loopback
// address of this process's own, so that no other test, and no client's connection, is given the port meanwhile.
func FreePort(t testing.TB) string {
	t.Helper()
	pid := os.Getpid() // at most 22 bits
	ln, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", 64+pid>>16, pid>>8&255, pid&255))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
