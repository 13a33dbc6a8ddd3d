//go:build interop

package relay

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"postdesk/internal/testkit"
)

// verifyPython checks every signature of the mail on standard input with
// dkimpy; argument 1 is the DNS as JSON.
const verifyPython = `
import dkim, json, sys
records = json.loads(sys.argv[1])
def txt(name, timeout=5):
    return records.get(name.decode().rstrip(".")).encode()
mail = sys.stdin.buffer.read()
d = dkim.DKIM(mail)
n = sum(1 for k, v in d.headers if k.lower() == b"dkim-signature")
for i in range(n):
    if not d.verify(idx=i, dnsfunc=txt):
        sys.exit("signature %d does not verify" % i)
print(n)
`

// TestSignaturesWithDkimpy lets another implementation verify what we sign.
func TestSignaturesWithDkimpy(t *testing.T) {
	python := "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import dkim, nacl").Run(); err != nil {
		t.Skip("python3-dkim is not installed:", err)
	}
	d, records := signedDesk(t, "rsa", "ed25519")
	sink := d.withSink(testkit.SinkOptions{})
	d.start()
	bodies := []string{"x\r\n", "", "\r\n\r\n", "a  b\t\r\n \r\n\r\n\r\n", ".\r\n..\r\n", "déjà vu \r\nno end", strings.Repeat("0123456789 \r\n", 10000)}
	dns, err := json.Marshal(records)
	if err != nil {
		t.Fatal(err)
	}
	for i, body := range bodies {
		d.put("Subject: folded\r\n\tover  two lines\r\nCc: a@example.net,\r\n b@example.net\r\n"+mailText(body), nil, "you@example.net")
		raw := sink.Wait(i+1, patience)[i].Raw
		cmd := exec.Command(python, "-c", verifyPython, string(dns))
		cmd.Stdin = bytes.NewReader(raw)
		out, err := cmd.CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != "2" {
			t.Errorf("body %d: %v %s", i, err, out)
		}
	}
}
