package server_test

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"
)

// Whoever keeps a hundred connections to an HTTP listener open gets no more, and
// takes no descriptor that mail needs.
func TestConnectionsToHTTPAreFew(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	at := d.srv.Addr("http")
	var held []net.Conn
	for range 100 {
		conn, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		held = append(held, conn)
	}
	if code, err := healthz(t.Context(), at, 300*time.Millisecond); err == nil {
		t.Errorf("the 101st connection was served: %d", code)
	}
	for _, conn := range held {
		conn.Close()
	}
	if code, err := healthz(t.Context(), at, time.Minute); err != nil || code != http.StatusOK {
		t.Errorf("after they had gone: %d, %v", code, err)
	}
}

func healthz(ctx context.Context, at string, patience time.Duration) (code int, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at+"/healthz", nil)
	if err != nil {
		return 0, err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	return resp.StatusCode, nil
}
