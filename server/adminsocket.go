package server

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"postdesk/admin"
)

// listenAdmin serves the command line on its socket: only the user that runs
// the server, and root, can connect. The folder of the socket is made when it
// is missing.
func (s *Server) listenAdmin() error {
	at := s.Config().Listen.Admin
	if at == "" {
		return nil
	}
	if path, ok := strings.CutPrefix(at, "unix:"); ok {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return fmt.Errorf("listen.admin: %w", err)
		}
	}
	ln, err := Listen(at, 0o600)
	if err != nil {
		return err
	}
	s.addresses["admin"] = append(s.addresses["admin"], ln.Addr())
	desk := &admin.Desk{Store: s.Store, Pipeline: s.Pipeline, Config: s.Config, Wake: s.Relay.Wake, Now: s.opts.Now}
	// No limit on the time of an answer: a backup takes as long as it takes.
	srv := &http.Server{Handler: admin.Handler(desk, s.log), ConnContext: admin.WithPeer, ReadHeaderTimeout: 10 * time.Second}
	s.http = append(s.http, srv)
	s.running.Go(func() {
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("a listener stopped", "listener", "admin", "address", at, "error", err)
		}
	})
	return nil
}
