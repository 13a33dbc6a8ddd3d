package admin

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"strings"
	"syscall"
)

// peerKey is the context's key for the user at the other end of the socket.
type peerKey struct{}

// WithPeer remembers, for the log, which user of the machine is at the other
// end of a connection (SO_PEERCRED). It is an http.Server's ConnContext.
func WithPeer(ctx context.Context, conn net.Conn) context.Context {
	local, ok := conn.(*net.UnixConn)
	if !ok {
		return ctx
	}
	raw, err := local.SyscallConn()
	if err != nil {
		return ctx
	}
	var peer *syscall.Ucred
	err = raw.Control(func(fd uintptr) { peer, _ = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED) })
	if err != nil || peer == nil {
		return ctx
	}
	return context.WithValue(ctx, peerKey{}, peer.Uid)
}

// subject is what a request is about. Changes are told by their keys: values
// are customers' data.
type subject struct {
	ID, By, Into, From, Agent, Dir string
	Number, Seq                    uint64
	Who                            string
	Changes                        []struct{ Key string }
}

// audit writes one line about an operation: who asked, for what, and whether it
// failed.
func audit(ctx context.Context, log *slog.Logger, name string, request []byte, failed error) {
	args := []any{"operation", name}
	if uid, ok := ctx.Value(peerKey{}).(uint32); ok {
		args = append(args, "uid", uid)
	}
	var about subject
	if name != "contact/import" { // megabytes, and only data
		_ = json.Unmarshal(request, &about) // what does not fit was refused by the operation
	}
	if name == "contact/erase" { // the log outlives it
		about.Who = ""
	}
	var keys []string
	for _, c := range about.Changes {
		keys = append(keys, c.Key)
	}
	for _, x := range []struct{ key, value string }{
		{"user", about.By}, {"id", about.ID}, {"who", about.Who}, {"into", about.Into}, {"from", about.From}, {"agent", about.Agent},
		{"dir", about.Dir}, {"changes", strings.Join(keys, " ")},
	} {
		if x.value != "" {
			args = append(args, x.key, x.value)
		}
	}
	if about.Number > 0 {
		args = append(args, "ticket", about.Number)
	}
	if about.Seq > 0 {
		args = append(args, "mail", about.Seq)
	}
	if failed != nil {
		args = append(args, "error", failed.Error())
	}
	log.Info("admin", args...)
}
