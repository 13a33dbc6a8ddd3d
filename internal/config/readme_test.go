package config

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The settings that the documents show are accepted.
func TestSettingsInTheDocumentsAreAccepted(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```\n(# /etc/postdesk/config.toml\n.*?)```")
	data, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	found := blocks.FindAllStringSubmatch(string(data), -1)
	if len(found) == 0 {
		t.Fatal("README.md shows no settings")
	}
	rest := strings.NewReplacer("[listen]\n#listen\n", "", "[relay]\n#relay\n", "").Replace(base)
	people := strings.Index(rest, "[limits]")
	for _, block := range found {
		c := parse(t, rest[:people]+block[1]+rest[people:])
		if len(c.Listen.LMTP) != 1 || c.Relay.Smarthost != "127.0.0.1:25" || len(c.TrustedAuthserv) != 1 {
			t.Errorf("%+v", c)
		}
	}
}
