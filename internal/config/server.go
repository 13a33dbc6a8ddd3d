package config

import (
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2/unstable"
)

func (r *reader) limits(t *table) Limits {
	defer t.done()
	return Limits{
		MessageSize:      parsed(t, "message_size", "35MB", parseSize),
		Recipients:       int(t.integer("recipients", 100, 1, 10000)),
		Connections:      int(t.integer("connections", 1000, 1, 1000000)),
		ConnectionsPerIP: int(t.integer("connections_per_ip", 20, 1, 1000000)),
		MessagesPerIP:    parsed(t, "messages_per_ip", "1000/h", parseRate),
		MinFreeDisk:      parsed(t, "min_free_disk", "1GB", parseSize),
	}
}

func (r *reader) auth(t *table) Auth {
	defer t.done()
	return Auth{
		EnforceDMARC: t.oneOf("dmarc", "enforce", "enforce", "mark") == "enforce",
		Filters:      parsedList(t, "filters", nil, parseFilter),
	}
}

func (r *reader) acknowledge(t *table) Acknowledge {
	defer t.done()
	return Acknowledge{
		PerAddress:    parsed(t, "per_address", "5/h", parseRate),
		PerAddressDay: parsed(t, "per_address_day", "20/d", parseRate),
		PerDomain:     parsed(t, "per_domain", "600/h", parseRate),
		Breaker:       parsed(t, "breaker", "300/m", parseRate),
	}
}

func (r *reader) relay(t *table) Relay {
	defer t.done()
	relay := Relay{
		Smarthost: parsed(t, "smarthost", "", func(s string) (string, error) {
			if s == "" {
				return "", nil
			}
			return parseHostPort(s)
		}),
		Username:           t.text("username", ""),
		TLSRequired:        t.oneOf("tls", "opportunistic", "opportunistic", "required") == "required",
		Retry:              parsedList(t, "retry", []string{"1m", "5m", "15m", "30m", "1h"}, parseDuration),
		Expire:             parsed(t, "expire", "5d", parseDuration),
		ConnectionsPerHost: int(t.integer("connections_per_host", 5, 1, 1000)),
		Routes:             r.routes(t.sub("routes")),
	}
	if v := t.entries["retry"]; v != nil && v.kind == unstable.Array && len(v.list) == 0 {
		t.fail("retry", `is empty; want at least one delay, as ["15m"]`)
	}
	relay.Password = r.relayPassword(t)
	if !t.has("smarthost") || relay.Smarthost == "" {
		for _, key := range []string{"username", "password_file"} {
			if v := t.entries[key]; v != nil && v.text != "" && t.entryText("smarthost") == "" {
				t.fail(key, `there is no smarthost to log in to; want relay.smarthost = "host:587", or this empty`)
			}
		}
	}
	return relay
}

// entryText is the text of key as it stands in the file.
func (t *table) entryText(key string) string {
	if v := t.entries[key]; v != nil {
		return v.text
	}
	return ""
}

// relayPassword reads the first line of password_file.
func (r *reader) relayPassword(t *table) string {
	path := r.path(t.text("password_file", ""))
	if user := t.entryText("username"); user != "" && path == "" {
		t.fail("username", "has no password; want relay.password_file too")
	} else if user == "" && path != "" {
		t.fail("password_file", "is for nobody; want relay.username too")
	}
	data, ok := t.secret("password_file", path)
	if !ok {
		return ""
	}
	line, _, _ := strings.Cut(string(data), "\n")
	line = strings.TrimSuffix(line, "\r")
	if line == "" {
		t.fail("password_file", "%s has an empty first line; want the password there", path)
	}
	return line
}

// routes reads the domains of [relay.routes].
func (r *reader) routes(t *table) map[string]string {
	routes := map[string]string{}
	r.keys["relay.routes.*"] = true
	for key := range t.entries {
		domain, err := parseDomain(key)
		if err != nil {
			t.fail(key, "%v", err)
		}
		if s := parsed(t, key, "", parseHostPort); s != "" && domain != "" {
			routes[domain] = s
		}
	}
	return routes
}

func (r *reader) tickets(t *table) Tickets {
	defer t.done()
	tickets := Tickets{
		FirstNumber:  uint64(t.integer("first_number", 10000, 1, 1<<40)),
		TagAgents:    t.tag("tag_agents", "[#{number}]"),
		TagCustomers: t.tag("tag_customers", ""),
		Reopen:       parsed(t, "reopen", "30d", parseOptionalDuration),
		KeepClosed:   parsed(t, "keep_closed", "", parseOptionalDuration),
		TokenDomain: parsed(t, "token_domain", "", func(s string) (string, error) {
			if s == "" {
				return "", nil
			}
			return parseDomain(s)
		}),
	}
	if 0 < tickets.KeepClosed && tickets.KeepClosed < tickets.Reopen {
		t.fail("keep_closed", "is shorter than tickets.reopen (%d days); want at least that", tickets.Reopen/(24*time.Hour))
	}
	return tickets
}

// tag reads a mark for subjects. Without the number it would mark nothing.
func (t *table) tag(key, otherwise string) string {
	s := t.text(key, otherwise)
	if s != "" && !strings.Contains(s, "{number}") {
		t.fail(key, `%q lacks the number; want {number} in it, as "[#{number}]", or "" for no tag`, s)
	}
	return s
}
