package config

import (
	"strings"
	"testing"
	"testing/fstest"
)

// base is a small good configuration. The lines of dots are where cases put
// theirs; they are comments otherwise.
const base = `hostname = "mx.example.com"
postmaster = "it@corp.example"
#root
[listen]
#listen
[limits]
#limits
[relay]
#relay
[[agent]]
id = "anne"
name = "Anne Durand"
address = "anne@corp.example"
#agent
[[team]]
name = "Relation Client"
address = "desk@example.com"
agents = ["anne"]
#team
[[rule]]
name = "all"
when = { subject = 'PH' }
then = { priority = "high" }
[tickets]
#tickets
`

// Lines of base where cases stand.
var slots = map[string]string{"root": "#root", "listen": "#listen", "limits": "#limits", "relay": "#relay",
	"agent": "#agent", "team": "#team", "tickets": "#tickets"}

func edit(slot, text string) string {
	if old, ok := slots[slot]; ok {
		return strings.Replace(base, old, text, 1)
	}
	if slot == "end" {
		return base + text
	}
	if !strings.Contains(base, slot) {
		panic("no such line in base: " + slot)
	}
	return strings.Replace(base, slot, text, 1)
}

var files = fstest.MapFS{
	"etc/empty":     {Data: []byte("\n")},
	"etc/password":  {Data: []byte("secret\n")},
	"etc/text":      {Data: []byte("hello")},
	"etc/dir/a.txt": {Data: []byte("a")},
	"etc/short.pem": {Data: []byte(short)},
	"etc/ec.pem":    {Data: []byte(nistP256)},
}

func TestBadConfigurationsAreToldByLine(t *testing.T) {
	for _, c := range badConfigs {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("config.toml", []byte(edit(c.slot, c.text)), WithFS(files))
			if err == nil {
				t.Fatal("accepted")
			}
			want := "config.toml:" + strings.ReplaceAll(c.want, "\n", "\nconfig.toml:")
			if err.Error() != want {
				t.Errorf("\ngot  %s\nwant %s", err, want)
			}
		})
	}
}

func TestBaseIsGood(t *testing.T) {
	if _, err := Parse("config.toml", []byte(base), WithFS(files)); err != nil {
		t.Fatal(err)
	}
}
