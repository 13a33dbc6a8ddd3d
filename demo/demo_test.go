package demo_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"postdesk/demo"
)

func TestTheDemoPlaysToItsEnd(t *testing.T) {
	var out bytes.Buffer
	if err := demo.Run(context.Background(), &out, false); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"queued as", "Votre demande n°10000", "Anne Durand – Relation Client", "Bruno Petit – Relation Client", "DKIM-Signature", "solved",
		"a été confiée à", "NOTE – Anne Durand", "mais remplacez-le", "Paul", "a répondu au client entre-temps", "PARTSTAT=ACCEPTED:mailto:relationclient@example.com",
		"un peu plus de temps", "Sophie Martin"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the transcript lacks %q", want)
		}
	}
	if t.Failed() || testing.Verbose() {
		t.Log(out.String())
	}
}
