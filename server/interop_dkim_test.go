//go:build interop

package server_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postdesk/internal/testkit"
)

// verifier is dkimpy (python3-dkim): it reads a mail, and tells for each
// signature whether it holds and which fields it covers.
const verifier = `
import dkim, json, sys
keys = json.loads(sys.argv[1])
mail = sys.stdin.buffer.read()
def dns(name, timeout=5):
    name = name.decode() if isinstance(name, bytes) else name
    return keys[name.rstrip('.')].encode()
d = dkim.DKIM(mail)
n = len([h for h, v in d.headers if h.lower() == b'dkim-signature'])
out = []
for i in range(n):
    d = dkim.DKIM(mail, minkey=1024)
    try:
        ok = d.verify(i, dnsfunc=dns)
    except Exception as e:
        ok = repr(e)
    out.append({'ok': ok, 'selector': d.selector.decode(), 'algorithm': d.signature_fields.get(b'a', b'').decode(),
                'length': b'l' in d.signature_fields, 'covers': d.signature_fields.get(b'h', b'').decode().lower().split(':')})
print(json.dumps(out))
`

// signature is what dkimpy says of one.
type signature struct {
	OK        any
	Selector  string
	Algorithm string
	Length    bool
	Covers    []string
}

// systemPython is Debian's, which has Debian's libraries; or the test is skipped.
func systemPython(t testing.TB, modules string) string {
	t.Helper()
	const python = "/usr/bin/python3"
	if _, err := os.Stat(python); err != nil {
		t.Skip("no ", python)
	}
	if out, code := run(t, nil, "env", python, "-c", "import "+modules); code != 0 {
		t.Skipf("python3 lacks one of %s: %s", modules, out)
	}
	return python
}

// keyFile writes a key and returns the file and the DNS record.
func keyFile(t *testing.T, dir, name string, key crypto.Signer) (file, record string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(dir, name+".pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	if public, ok := key.Public().(ed25519.PublicKey); ok { // RFC 8463 §4.2
		return file, "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)
	}
	if der, err = x509.MarshalPKIXPublicKey(key.Public()); err != nil {
		t.Fatal(err)
	}
	return file, "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)
}

// newSigningDesk is a desk that signs with RSA and Ed25519; records are what its
// DNS would say.
func newSigningDesk(t *testing.T) (d *desk, records map[string]string) {
	t.Helper()
	dir := t.TempDir()
	first, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, second, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaFile, rsaRecord := keyFile(t, dir, "rsa", first)
	edFile, edRecord := keyFile(t, dir, "ed", second)
	records = map[string]string{"rsa._domainkey.example.com": rsaRecord, "ed._domainkey.example.com": edRecord}
	return newDesk(t, func(config string) string {
		for selector, file := range map[string]string{"rsa": rsaFile, "ed": edFile} {
			config += fmt.Sprintf("\n[[dkim]]\ndomain = \"example.com\"\nselector = %q\nkey = %q\n", selector, file)
		}
		return config
	}), records
}

// signedMails are an acknowledgement, an agent's copy and an answer, with
// what is hard on signatures: non-ASCII, dots, long lines, blanks at line ends,
// an attachment.
func (d *desk) signedMails() map[string]testkit.Received {
	d.Helper()
	body := "Bonjour,\n.\n..deux points  \n\t\n" + strings.Repeat("très long ", 300) + "\n\n\n"
	mail := letter(`"Jean Client" <jean@client.example>`, "relationclient@example.com", "q1@client.example", "=?utf-8?q?Une_tr=C3=A8s_longue_question?= "+strings.Repeat("pour voir ", 20), body,
		"MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit")
	if err := d.send("jean@client.example", []string{"relationclient@example.com"}, mail); err != nil {
		d.Fatal(err)
	}
	copy := d.arrives(d.agents, 1)
	ack := d.arrives(d.customers, 1)
	to, answer := replyTo(copy, "Anne Durand <anne.durand@corp.example>", "Voilà.\n.\nFrom ici\n")
	if err := d.send("anne.durand@corp.example", []string{to}, answer); err != nil {
		d.Fatal(err)
	}
	reply := d.arrives(d.customers, 2)
	return map[string]testkit.Received{"acknowledgement": ack.Received, "copy": copy.Received, "answer": reply.Received}
}

// Another implementation verifies what we sign.
func TestSignaturesVerifyWithDkimpy(t *testing.T) {
	python := systemPython(t, "dkim, nacl")
	d, records := newSigningDesk(t)
	keys, _ := json.Marshal(records)
	for name, m := range d.signedMails() {
		out, code := run(t, m.Raw, "env", python, "-c", verifier, string(keys))
		var list []signature
		if err := json.Unmarshal([]byte(out), &list); err != nil || code != 0 {
			t.Fatalf("%s: %s", name, out)
		}
		if len(list) != 2 {
			t.Errorf("%s: %d signatures, want 2", name, len(list))
		}
		for _, s := range list {
			if s.OK != true || s.Length {
				t.Errorf("%s: %+v\n%s", name, s, m.Raw)
			}
			for _, field := range []string{"from", "to", "subject", "date", "reply-to"} { // oversigned
				if n := strings.Count(strings.Join(s.Covers, ":")+":", field+":"); n < 1 || field == "from" && n < 2 {
					t.Errorf("%s, %s: %s is covered %d times in %v", name, s.Selector, field, n, s.Covers)
				}
			}
		}
		// One changed octet, and no signature holds.
		broken := bytes.Replace(m.Raw, []byte("\r\n\r\n"), []byte("\r\n\r\nx"), 1)
		if out, _ := run(t, broken, "env", python, "-c", verifier, string(keys)); strings.Contains(out, `"ok": true`) {
			t.Errorf("%s, changed: %s", name, out)
		}
	}
}

// opendkim in its test mode verifies them too.
func TestSignaturesVerifyWithOpenDKIM(t *testing.T) {
	program(t, "opendkim")
	d, records := newSigningDesk(t)
	conf := openDKIM(t, records, "Mode v\n")
	for name, m := range d.signedMails() {
		file := filepath.Join(t.TempDir(), "mail")
		if err := os.WriteFile(file, m.Raw, 0o644); err != nil {
			t.Fatal(err)
		}
		out, code := run(t, nil, "opendkim", "-x", conf, "-vv", "-t", file)
		for _, want := range []string{"dkim=pass (2048-bit key) header.d=example.com", "header.a=ed25519-sha256", "succeeded"} {
			if code != 0 || !strings.Contains(out, want) || strings.Count(out, "dkim=pass") != 2 {
				t.Errorf("%s: opendkim says %d, want %q:\n%s", name, code, want, out)
			}
		}
	}
}

// openDKIM writes a configuration and the public keys, and returns its path.
func openDKIM(t *testing.T, records map[string]string, more string) string {
	t.Helper()
	dir := t.TempDir()
	keys := ""
	for name, record := range records {
		keys += name + " " + record + "\n"
	}
	conf := fmt.Sprintf("TestPublicKeys %s/keys\nBackground no\nSyslog no\nAlwaysAddARHeader yes\nOn-KeyNotFound accept\n%s", dir, more)
	for name, text := range map[string]string{"keys": keys, "conf": conf} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "conf")
}
