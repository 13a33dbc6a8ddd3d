package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// ErrNoServer means that nobody listens on the admin socket.
var ErrNoServer = errors.New("no server answers on the admin socket")

// Client runs operations in the server, over its admin socket.
type Client struct {
	path string
	http http.Client
}

// Dial checks that a server answers on a socket ("unix:/path"). ErrNoServer
// when none does; another error when there is one that we may not reach.
func Dial(ctx context.Context, socket string) (*Client, error) {
	path, ok := strings.CutPrefix(socket, "unix:")
	if !ok {
		return nil, ErrNoServer
	}
	c := &Client{path: path}
	c.http.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return c.dial(ctx) }, DisableCompression: true}
	conn, err := c.dial(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTDIR):
		return nil, fmt.Errorf("%w: %w", ErrNoServer, err)
	case err != nil:
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	return c, conn.Close()
}

func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	return d.DialContext(ctx, "unix", c.path)
}

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Run runs an operation in the server.
func (c *Client) Run(ctx context.Context, operation string, request any, out io.Writer) error {
	raw, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://postdesk"+prefix+operation, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	res, err := c.http.Do(post)
	if err != nil {
		return fmt.Errorf("admin socket: %w", errors.Unwrap(err))
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
		return errors.Join(errors.New(strings.TrimSpace(string(text))), err)
	}
	if _, err := io.Copy(out, res.Body); err != nil {
		return fmt.Errorf("the answer of the server broke off: %w", err)
	}
	if text := res.Trailer.Get(trailer); text != "" {
		if plain, err := url.QueryUnescape(text); err == nil {
			text = plain
		}
		return errors.New(text)
	}
	return nil
}
