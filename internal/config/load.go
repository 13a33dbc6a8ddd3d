package config

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "time/tzdata" // a minimal system has no zones, and team.hours needs them
)

// Find returns the configuration file that the commands read: flag if given,
// else /etc/postdesk/config.toml, else ./config.toml. It is an error when a
// file that flag names, or both of the others, do not exist.
func Find(flag string) (string, error) {
	if flag != "" {
		if _, err := os.Stat(flag); err != nil {
			return "", fmt.Errorf("configuration file: %w", err)
		}
		return flag, nil
	}
	for _, path := range []string{"/etc/postdesk/config.toml", "config.toml"} {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no configuration file: neither /etc/postdesk/config.toml nor ./config.toml; name one with --config")
}

// Option changes what a configuration is checked against.
type Option func(*reader)

// WithFS has files read from root instead of the machine's file system. Paths
// in it are those of the machine without the first slash.
func WithFS(root fs.FS) Option { return func(r *reader) { r.root = root } }

// At checks certificates against now instead of the machine's clock.
func At(now time.Time) Option { return func(r *reader) { r.now = now } }

// Load reads, checks and completes the configuration file at path. All that is
// wrong comes in one error of type Errors, in the order of the file.
func Load(path string, options ...Option) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("configuration file: %w", err)
	}
	return Parse(path, data, options...)
}

// Parse is Load for a file that was read already: name stands in messages, and
// relative paths in the file begin at its folder.
func Parse(name string, data []byte, options ...Option) (*Config, error) {
	r := newReader(name, options)
	root, ok := parseDocument(r, data)
	if !ok {
		return nil, r.problems
	}
	c := r.config(root)
	r.check(root, c)
	if len(r.problems) > 0 {
		return nil, r.problems.ordered()
	}
	r.warn(root, c)
	c.Warnings = r.warnings.ordered().lines()
	return c, nil
}

// reader is one reading of one file.
type reader struct {
	name     string
	root     fs.FS
	now      time.Time
	problems Errors
	warnings Errors
	keys     map[string]bool   // every key that may stand in the file
	agents   []*table          // of Config.Agents, same order
	teams    []*table          // of Config.Teams
	rules    []*table          // of Config.Rules
	dkim     []*table          // of Config.DKIM
	leaf     *x509.Certificate // of tls.cert
}

func newReader(name string, options []Option) *reader {
	r := &reader{name: name, root: os.DirFS("/"), now: time.Now(), keys: map[string]bool{}}
	for _, option := range options {
		option(r)
	}
	return r
}

// config fills in the struct. What is wrong in itself is reported here, what
// does not fit together in check.
func (r *reader) config(t *table) *Config {
	c := &Config{File: r.name}
	c.Hostname = needed(t, "hostname", `the name that we say in HELO, as "mx.example.com"`, parseDomain)
	c.DataDir = r.path(t.text("data_dir", "/var/lib/postdesk"))
	if c.DataDir == "" {
		t.fail("data_dir", `is empty; want a folder, as "/var/lib/postdesk"`)
	}
	c.Postmaster = needed(t, "postmaster", `an address, as "it@corp.example"`, parseAddress)
	c.TrustedNetworks = parsedList(t, "trusted_networks", nil, parseNetwork)
	c.Frontends = r.frontends(t)
	c.TrustedAuthserv = parsedList(t, "trusted_authserv", nil, parseAuthserv)
	c.Listen = r.listen(t.sub("listen"))
	c.TLS = r.tls(t.sub("tls"))
	c.Resolver = r.resolver(t.sub("dns"))
	c.Limits = r.limits(t.sub("limits"))
	c.Auth = r.auth(t.sub("auth"))
	c.Acknowledge = r.acknowledge(t.sub("acknowledge"))
	c.Relay = r.relay(t.sub("relay"))
	c.DKIM = r.signing(t)
	c.Agents = r.readAgents(t)
	c.Teams = r.readTeams(t)
	c.Rules = r.readRules(t)
	c.Tickets = r.tickets(t.sub("tickets"))
	t.done()
	return c
}

// path makes a path of the file absolute: relative ones begin at the folder of
// the configuration file.
func (r *reader) path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	if absolute, err := filepath.Abs(filepath.Join(filepath.Dir(r.name), p)); err == nil {
		return absolute
	}
	return p
}

// inRoot is the name of an absolute path in r.root.
func inRoot(path string) string {
	if name := strings.TrimPrefix(filepath.Clean(path), "/"); name != "" {
		return name
	}
	return "."
}

// file reads the file that key names. ok is false when it names none, or when
// it can't be read, which is a problem.
func (t *table) file(key, path string) (data []byte, ok bool) {
	if path == "" {
		return nil, false
	}
	data, err := fs.ReadFile(t.root, inRoot(path))
	if err != nil {
		t.fail(key, "cannot read %s: %v; want a file that we may read", path, cause(err))
		return nil, false
	}
	return data, true
}

// cause takes the path off a file error: it is told already, and it would be
// that of root.
func cause(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// secret is file for one that others must not read: that is worth a warning.
func (t *table) secret(key, path string) (data []byte, ok bool) {
	data, ok = t.file(key, path)
	if !ok {
		return nil, false
	}
	if info, err := fs.Stat(t.root, inRoot(path)); err == nil && info.Mode().Perm()&0o004 != 0 {
		t.warn(key, "every user of this machine may read %s; chmod o-r", path)
	}
	return data, true
}
