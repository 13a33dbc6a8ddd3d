package server_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"postdesk/internal/testkit"
)

// canaryDesk is a desk whose agents bear marks, with a ticket that everyone takes part in.
type canaryDesk struct {
	*desk
	anne  *person
	copy  received
	posts int
	names map[int]string // what was in the mail of that number
}

func newCanaryDesk(t *testing.T) *canaryDesk {
	d := newDesk(t, canaryAgents)
	c := &canaryDesk{desk: d, anne: d.person("Anne Durand", canaryAddress), names: map[int]string{}}
	jean := d.jean()
	jean.writes(generic, "Une question", "Bonjour, ma machine est cassée.\n", "Cc: Marie <marie@other.example>")
	jean.reads()
	c.copy = c.anne.reads()
	c.anne.answers(c.copy, "#note\nCeci est canarinote, pour nous seuls et pour personne d’autre.\n")
	c.anne.answers(c.copy, "#observe Acme <acme@other.example>\n")
	d.drained()
	return c
}

// canaryBound is a boundary with a mark.
const canaryBound = "----canaribound"

// answer is the mail of an agent's program: by login, or by token and a backed address. The mail's
// number is in its text, so that what is seen can be traced.
func (c *canaryDesk) answer(name, to, contentType, body string) {
	c.Helper()
	if c.posts++; c.posts%10 == 0 {
		c.drained()
		c.later(5 * time.Hour) // nobody writes so much in an hour, nor in a day
	}
	c.names[c.posts] = name
	id := fmt.Sprintf("%d.canarithread@canarihost", c.posts)
	headers := append([]string{"MIME-Version: 1.0", "Content-Type: " + contentType, "In-Reply-To: <" + c.copy.id() + ">", "References: <" + c.copy.id() + ">"}, canaryHeader...)
	mail := c.anne.dated(letter(c.anne.String(), to, id, "Re: Une question", body, headers...))
	var err error
	if c.posts%2 == 0 {
		err = c.submit(canaryLogin, "secret of anne", canaryAddress, []string{to}, mail)
	} else {
		err = c.send(canaryAddress, []string{to}, mail)
	}
	if err != nil {
		c.Errorf("%s: %v", name, err)
	}
}

// bundle is a mail of several parts.
func bundle(parts ...string) (contentType, body string) {
	return `multipart/mixed; boundary="` + canaryBound + `"`, "--" + canaryBound + "\n" + strings.Join(parts, "\n--"+canaryBound+"\n") + "\n--" + canaryBound + "--\n"
}

// typed is a text part that says which mail it is.
func (c *canaryDesk) typed(orders, more string) string {
	return "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n" + qp(fmt.Sprintf("%sRéponse %04dx.\n%s\n", orders, c.posts+1, more))
}

// numbers tells which answer a mail is.
var numbers = regexp.MustCompile(`R(?:é|=C3=A9)ponse (\d{4})x`)

// outside are the mails that went to people without an account.
func (c *canaryDesk) outside() (list []testkit.Received) {
	c.drained()
	for _, s := range []*testkit.Sink{c.customers, c.agents} {
		for _, m := range s.Mails() {
			if !slices.ContainsFunc(m.To, func(to string) bool { return strings.HasSuffix(to, "@corp.example") }) {
				list = append(list, m)
			}
		}
	}
	return list
}

// clean checks that no mark left, and that what did not leave waits with its reason.
func (c *canaryDesk) clean() {
	c.Helper()
	sent := map[string]bool{}
	for _, m := range c.outside() {
		name := "?"
		if n := numbers.FindSubmatch(append(slices.Clone(m.Raw), parse(c.T, m).text()...)); n != nil {
			i := 0
			_, _ = fmt.Sscanf(string(n[1]), "%d", &i)
			name = c.names[i]
		}
		sent[name] = true
		for mark, how := range revealed(m.Raw, canaryMarks...) {
			c.Errorf("%s: %v sees %s (%s)", name, m.To, mark, how)
		}
	}
	for _, h := range c.held() {
		if len(h.Reasons) == 0 {
			c.Errorf("a mail is held (%s) without a reason", h.Why)
		}
		c.Logf("held: %s: %.150s", h.Why, strings.Join(h.Reasons, "; "))
	}
	c.Logf("%d answers, %d mails outside, %d held", c.posts, len(sent), len(c.held()))
}

// Whatever an agent's program or the agent puts into an answer, in every kind of part and in every
// writing: no mark of the agent reaches a customer, or the answer waits and says why.
func TestNoMarkOfAnAgentLeaves(t *testing.T) {
	t.Parallel()
	t.Run("parts", func(t *testing.T) {
		t.Parallel()
		c := newCanaryDesk(t)
		for _, p := range canaryParts(canaryAddress) {
			contentType, body := bundle(c.typed("", ""), p.header+"\n\n"+p.body)
			c.answer(p.name, c.copy.token(), contentType, "canariuser, a preamble\n"+body+"canariuser, an epilogue\n")
		}
		c.clean()
	})
	t.Run("writings", func(t *testing.T) {
		t.Parallel()
		c := newCanaryDesk(t)
		for i, h := range append(slices.Clone(hidings), markup...) {
			hidden := h.hide([]string{canaryAddress, canaryAlias, canaryPeer}[i%3])
			if i < len(hidings) {
				contentType, body := bundle(c.typed("", "Voir "+hidden+" pour la suite."))
				c.answer(h.name, c.copy.token(), contentType, body)
			}
			contentType, body := bundle("Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\n" + b64(fmt.Sprintf("<html><body><p>Réponse %04dx.</p><p>Voir %s pour la suite.</p></body></html>", c.posts+1, hidden)))
			c.answer(h.name+", HTML", c.copy.token(), contentType, body)
		}
		c.clean()
	})
}

// A resolution that is mailed threads by our Message-IDs: the agent's own names the agent's machine.
func TestAResolutionDoesNotNameTheAgentsMail(t *testing.T) {
	t.Parallel()
	c := newCanaryDesk(t)
	for _, orders := range []string{"#solved! Réinstallé.\n", "#ask Dr Expert <expert@other.example> Avis\n", "#approve Mme Patron <patron@other.example>\n"} {
		contentType, body := bundle(c.typed(orders, "Merci."))
		c.answer(orders, c.copy.token(), contentType, body)
	}
	c.clean()
}
