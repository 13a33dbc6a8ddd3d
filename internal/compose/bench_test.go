package compose

import (
	"strings"
	"testing"
)

func BenchmarkAcknowledgement(b *testing.B) {
	c := testComposer(b)
	in := AckIn{Head: testHead(b, "jean@client.example", ""), Team: testTeam("fr"), Ticket: 10000}
	for b.Loop() {
		if _, err := c.Acknowledgement(in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCopy(b *testing.B) {
	c := testComposer(b)
	in := testCopyIn(b, "fr")
	body := strings.Repeat("Une ligne de texte qui parle de la machine.\n", 45)
	in.Mail = parse(b, alternative(body, "<p>"+strings.ReplaceAll(body, "\n", "</p>\n<p>")))
	for b.Loop() {
		if _, err := c.Copy(in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReply(b *testing.B) {
	c := testComposer(b)
	in := testReplyIn(b, clients[2].write(b, ownText, ownHTML))
	in.Commands = []string{"#solved Réinstallé", "#tag +panne"}
	for b.Loop() {
		out, err := c.Reply(in)
		if err != nil || len(out.Findings) > 0 {
			b.Fatal(err, out.Findings)
		}
	}
}

func BenchmarkGuardOfLargeAttachment(b *testing.B) {
	c := testComposer(b)
	data := make([]byte, 8<<20)
	for i := range data {
		data[i] = byte(i * 2654435761 >> 13)
	}
	raw := agentHeader + "Content-Type: application/octet-stream; name=x.bin\nContent-Transfer-Encoding: base64\n\n" + wrap64(string(data))
	in := testReplyIn(b, raw)
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, err := c.Reply(in); err != nil {
			b.Fatal(err)
		}
	}
}
