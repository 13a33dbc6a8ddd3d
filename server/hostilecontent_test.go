package server_test

import (
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
)

// names that a mail gives its attachments: paths, devices, control characters, bytes
// that are no text, and 5,000 characters.
func hostileNames() []string {
	return []string{`filename="../../../../pwned"`, `filename="/etc/pwned"`, `filename="..\\..\\pwned.exe"`, `filename="pwned\u0000.txt"`, `filename=".pwned"`,
		`filename="token.key"`, `filename="pwned/../../token.key"`, `filename="con.pwned"`, `filename="-rf pwned"`, `filename*=utf-8''..%2f..%2fpwned%00%0d%0a`,
		`filename*0*=utf-8''%2e%2e%2f; filename*1*=pwned`, "filename=\"pwned\xff\xfe\"", `filename="` + strings.Repeat("pwned", 1000) + `"`, `filename="=?utf-8?Q?..=2Fpwned?="`}
}

// tree are the names of all files below a folder.
func tree(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		list = append(list, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// known are the files that postdesk makes.
var known = regexp.MustCompile(`^(config\.toml|cert\.pem|key\.pem|admin\.sock|data(/[a-z]+)?|data/token\.key|data/[A-Za-z]+|data/[a-z]+/([0-9]+\.(sst|vlog|mem)|[A-Z]+|[a-z]+|[0-9a-z-]+\.[a-z]+))$`)

// The name of an attachment is a text: no file of any such name is made, whoever sends
// it, and the names come out at the other end without a path.
func TestANameIsNoPath(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	jean, anne := d.jean(), d.anne()
	var body strings.Builder
	for i, name := range hostileNames() {
		fmt.Fprintf(&body, "--b\nContent-Type: application/octet-stream\nContent-Disposition: attachment; %s\n\nbytes %d\n", name, i)
	}
	jean.writes(generic, "Une question", "--b\nContent-Type: text/plain\n\nBonjour\n"+body.String()+"--b--\n", "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b")
	jean.reads()
	copy := anne.reads()
	to, mail := replyTo(copy, anne.String(), "Voici.\n")
	if err := anne.posts([]string{to}, mail); err != nil {
		t.Fatal(err)
	}
	jean.reads()
	for _, path := range tree(t, d.dir) {
		rel, err := filepath.Rel(d.dir, path)
		if err != nil || rel != "." && !known.MatchString(rel) || strings.Contains(rel, "pwned") {
			t.Errorf("a file that nobody knows: %q, %v", rel, err)
		}
	}
}

// Nothing that stands in a mail makes postdesk open a connection: no image, no link, no
// external body, no calendar, no receipt, no way to unsubscribe, no key.
func TestNothingIsFetched(t *testing.T) {
	t.Parallel()
	var hits atomic.Int64
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	trap.Config.ConnState = func(net.Conn, http.ConnState) { hits.Add(1) }
	t.Cleanup(trap.Close)
	host := "trap.example"
	d := newDesk(t, nil)
	if err := d.dns.Set(host, "A 127.0.0.1"); err != nil {
		t.Fatal(err)
	}
	jean, anne := d.jean(), d.anne()
	for _, at := range []string{trap.URL, strings.Replace(trap.URL, "127.0.0.1", host, 1)} {
		html := fmt.Sprintf(`<html><head><base href="%[1]s/"><link rel=stylesheet href="%[1]s/a.css"><style>@import url(%[1]s/b.css); p { background: url("%[1]s/c") }</style></head>`+
			`<body background="%[1]s/d"><img src="%[1]s/e.png" srcset="%[1]s/f 2x"><iframe src="%[1]s/g"></iframe><object data="%[1]s/h"></object><video poster="%[1]s/i"></video>`+
			`<a href="%[1]s/j" ping="%[1]s/k">ici</a><script src="%[1]s/l"></script><meta http-equiv=refresh content="0;url=%[1]s/m"></body></html>`, at)
		body := "--b\nContent-Type: text/html\n\n" + html + "\n--b\nContent-Type: message/external-body; access-type=URL; URL=\"" + at + "/n\"\n\nContent-Type: text/plain\n\n" +
			"--b\nContent-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:1\nDTSTART:20301118T100000Z\nORGANIZER:mailto:jean@client.example\n" +
			"ATTACH:" + at + "/o\nURL:" + at + "/p\nEND:VEVENT\nEND:VCALENDAR\n--b--\n"
		jean.writes(generic, "Une question "+at, body, "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b", "List-Unsubscribe: <"+at+"/q>", "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
			"BIMI-Location: v=BIMI1; l="+at+"/r", "Face: "+at, "X-Image-URL: "+at+"/s", "Autocrypt: addr=jean@client.example; keydata=AA==", "Archived-At: <"+at+"/t>")
		anne.answers(anne.reads(), "Voici "+at+"/u\n")
	}
	d.drained()
	if n := hits.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
	for _, q := range d.dns.Queries() {
		if strings.Contains(q, host) {
			t.Errorf("the DNS was asked %q", q)
		}
	}
}
