package demo

import (
	"fmt"
	"os"
	"path/filepath"

	"postdesk/internal/dnsrecords"
)

// configuration is a complete configuration file for the demo, with a fresh key.
func (s *stage) configuration(dir string) (string, error) {
	key, _, err := dnsrecords.NewDKIMKey("ed25519")
	if err != nil {
		return "", err
	}
	keyFile := filepath.Join(dir, "dkim.pem")
	if err := os.WriteFile(keyFile, key, 0o600); err != nil {
		return "", err
	}
	host := s.host.addr()
	return fmt.Sprintf(`hostname = "mx.example.com"
data_dir = %q
postmaster = "it@corp.example"

[listen]
mx = ["127.0.0.1:0"]
submission = ["127.0.0.1:0"]
submissions = []
http = ["127.0.0.1:0"]
admin = "unix:%s/admin.sock"

[tls]
cert = ""
key = ""

[limits]
min_free_disk = "10MB"

[relay.routes]
"client.example" = %q
"pharmacie.example" = %q
"lab.example" = %q
"corp.example" = %q

[[dkim]]
domain = "example.com"
selector = "demo"
key = %q

[[agent]]
id = "anne"
name = "Anne Durand"
address = "anne.durand@corp.example"

[[agent]]
id = "bruno"
name = "Bruno Petit"
address = "bruno.petit@corp.example"

[[agent]]
id = "sophie"
name = "Sophie Martin"
address = "sophie.martin@corp.example"
role = "supervisor"

[[agent]]
id = "chloe"
name = "Chloé Export"
address = "chloe.export@corp.example"

[[team]]
name = "Relation Client"
address = "relationclient@example.com"
agents = ["bruno", "anne"]
language = "fr"
first_reply = "2d"

[[team]]
name = "Export"
address = "export@example.com"
agents = ["chloe"]
language = "fr"

[[rule]]
name = "pharmacies"
when = { subject = '\bPH\b' }
then = { assign = "bruno", category = "pharmacie", priority = "high", tags = ["ph"] }
`, filepath.Join(dir, "data"), dir, host, host, host, host, keyFile), nil
}
