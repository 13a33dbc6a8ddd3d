package server_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"postdesk/internal/message"
	"postdesk/internal/testkit"
)

// stage is a theatre with everyone on it: customers of two tickets, an expert, an
// approver, a supplier who observes, agents. Each word that is said has a mark, and the
// addresses that may be shown it.
type stage struct {
	*desk
	r                                                        *rand.Rand
	jean, marie, paul, mallory, expert, boss, supplier, anne *person
	agents                                                   []*person
	may                                                      map[string][]string // mark → addresses, beside the agents'
	said                                                     []string
}

func newStage(t *testing.T, seed uint64) *stage {
	d := newDesk(t, observed)
	s := &stage{desk: d, r: rand.New(rand.NewPCG(seed, 11)), may: map[string][]string{}, jean: d.jean(), marie: d.person("Marie", "marie@other.example"),
		paul: d.person("Paul Autre", "paul@client.example"), mallory: d.person("Mallory", "mallory@client.example"), expert: d.expert(), boss: d.boss(), supplier: d.supplier(), anne: d.anne()}
	s.anne.password = "secret of anne"
	s.agents = []*person{s.anne, d.bruno(), d.person("Claire Martin", "claire.martin@corp.example")}
	s.jean.writes(generic, "Une question de Jean", s.public("Jean"))
	s.paul.writes(generic, "Une question de Paul", s.public("Paul"))
	d.drained()
	return s
}

// mark is a line that is said, long enough to be guarded, for some beside the
// agents.
func (s *stage) mark(kind string, may ...*person) string {
	word := fmt.Sprintf("canari%s%04dx", kind, len(s.may))
	var list []string
	for _, p := range may {
		list = append(list, p.address)
	}
	s.may[word] = list
	return "Gardons pour nous ceci\u00a0: " + word + "\n"
}

// public is said to the customer's side. Whom the desk asks may be shown it, since
// agents quote; another customer never is.
func (s *stage) public(customer string) string {
	if customer == "Paul" {
		return s.mark("paul", s.paul, s.expert, s.boss, s.supplier)
	}
	return s.mark("jean", s.jean, s.marie, s.expert, s.boss, s.supplier)
}

// customerOf is whose ticket a mail is of, by the block or the subject.
func customerOf(m received) string {
	if strings.Contains(m.subject(), "Paul") {
		return "Paul"
	}
	return "Jean"
}

// asideOf is whom an answer to a copy of an aside reaches; nil when it is no such copy.
func (s *stage) asideOf(m received) *person {
	name := m.Header.Mailboxes("From")[0].Name
	if !strings.HasPrefix(name, "AVIS") || strings.Contains(m.text(), "ne participe pas") {
		return nil
	}
	text := m.text()
	at := max(strings.LastIndex(text, "Votre réponse ira à "), strings.LastIndex(text, "Un collègue consulte "))
	if at < 0 {
		return nil
	}
	line, _, _ := strings.Cut(text[at:], "\n")
	for _, p := range []*person{s.expert, s.boss} {
		if strings.Contains(line, p.address) {
			return p
		}
	}
	return nil
}

// pick is one of somebody's mails that fits, as a rule the latest.
func (s *stage) pick(p *person, fits func(received) bool) (received, bool) {
	var list []received
	for _, m := range p.mailbox() {
		if r := parse(s.T, m); fits(r) {
			list = append(list, r)
		}
	}
	if len(list) == 0 {
		return received{}, false
	}
	if s.r.IntN(3) > 0 {
		return list[len(list)-1], true
	}
	return list[s.r.IntN(len(list))], true
}

// answers presses Reply on a mail that fits; text is made for that mail.
func (s *stage) answers(p *person, fits func(received) bool, text func(received) string, headers ...string) {
	if m, ok := s.pick(p, fits); ok {
		to, mail := replyTo(m, p.String(), text(m), headers...)
		s.said = append(s.said, p.address+": "+strings.ReplaceAll(text0(mail), "\n", " / "))
		_ = p.posts([]string{to}, p.dated(mail)) // a refusal in the session is an answer, too
		s.drained()
	}
}

// text0 is the beginning of a mail's body.
func text0(mail string) string {
	_, body, _ := strings.Cut(mail, "\n\n")
	return body[:min(len(body), 90)]
}

// isCopy is a copy of a mail of the customer's side: who answers a stranger's, quotes it to
// the customer by his own choice.
func isCopy(m received) bool {
	return strings.Contains(m.Header.Mailboxes("From")[0].Name, "(via ") && !strings.Contains(m.text(), "ne participe pas")
}

// isGuard is a notice of the outgoing guard, about nothing but an answer that crossed.
func isGuard(m received) bool {
	return m.From == "" && strings.Contains(m.text(), "rien n’est parti") && strings.Contains(m.text(), "#envoyer")
}

// step is one random act.
func (s *stage) step() {
	agent := s.agents[s.r.IntN(len(s.agents))]
	acts := []func(*person){s.customersWrite, s.customersWrite, s.agentsAnswer, s.agentsAnswer, s.agentsNote, s.agentsAsk, s.agentsAsk,
		s.outsidersAnswer, s.outsidersAnswer, s.agentsGoOn, s.strangersAnswer, s.agentsCommand, s.agentsCommand, s.agentsForward, s.agentsRelease}
	acts[s.r.IntN(len(acts))](agent)
}

func (s *stage) customersWrite(*person) {
	who := []*person{s.jean, s.jean, s.paul, s.marie}[s.r.IntN(4)]
	headers := [][]string{nil, {"Cc: Marie <marie@other.example>"}}[s.r.IntN(2)]
	if who == s.paul {
		headers = nil
	}
	if s.r.IntN(8) == 0 && who != s.marie {
		name, _, _ := strings.Cut(who.name, " ")
		who.writes(generic, "Encore une question de "+name, s.public(name))
		s.drained()
		return
	}
	side := "Jean"
	if who == s.paul {
		side = "Paul"
	}
	s.answers(who, anything, func(received) string { return s.public(side) }, headers...)
}

func (s *stage) agentsAnswer(agent *person) {
	s.answers(agent, isCopy, func(m received) string { return s.public(customerOf(m)) })
}

func (s *stage) agentsNote(agent *person) {
	fits := func(m received) bool { return isCopy(m) || isNote(m) || s.asideOf(m) != nil }
	s.answers(agent, fits, func(received) string { return "#note\n" + s.mark("note") })
}

// agentsAsk begins an aside, also out of a note or of another aside: then the
// guard holds it.
func (s *stage) agentsAsk(agent *person) {
	fits := func(m received) bool { return isCopy(m) || s.r.IntN(4) == 0 && (isNote(m) || s.asideOf(m) != nil) }
	s.answers(agent, fits, func(received) string {
		switch s.r.IntN(4) {
		case 0:
			return "#approve Mme Patron <patron@other.example>\n" + s.mark("boss", s.boss)
		case 1:
			return "#ask Dr Expert <expert@other.example> Question " + fmt.Sprint(len(s.may)) + "\n" + s.mark("expert", s.expert)
		}
		return "#ask Dr Expert <expert@other.example>\n" + s.mark("expert", s.expert)
	})
}

func (s *stage) outsidersAnswer(*person) {
	switch who := []*person{s.expert, s.boss, s.supplier}[s.r.IntN(3)]; who {
	case s.boss:
		s.answers(who, anything, func(received) string {
			return []string{"Oui.\n", "Non.\n", "Peut-être.\n"}[s.r.IntN(3)] + s.mark("boss", s.boss)
		})
	case s.supplier:
		s.answers(who, anything, func(received) string { return "#public\n" + s.mark("supplier", s.supplier) })
	default:
		s.answers(who, anything, func(received) string { return s.mark("expert", s.expert) })
	}
}

// agentsGoOn answers in an aside: to whom it is with, or to the customer.
func (s *stage) agentsGoOn(agent *person) {
	s.answers(agent, func(m received) bool { return s.asideOf(m) != nil }, func(m received) string {
		if s.r.IntN(3) == 0 {
			return "#public\n" + s.public(customerOf(m))
		}
		return s.mark("aside", s.asideOf(m))
	})
}

// strangersAnswer is somebody with a mail that was not meant for him.
func (s *stage) strangersAnswer(*person) {
	from := []*person{s.jean, s.expert, s.boss, s.supplier, s.paul}[s.r.IntN(5)]
	who := []*person{s.mallory, s.jean, s.expert}[s.r.IntN(3)]
	if m, ok := s.pick(from, anything); ok && who != from {
		to, mail := replyTo(m, who.String(), s.mark("stranger", who))
		if who == s.jean && from == s.paul {
			return // he answers a mail of Paul's in public: Paul's side hears him
		}
		// What was said in public by someone of the customer's side may be shown to it.
		word := regexp.MustCompile(`canari\w+x`).FindString(mail)
		if from == s.jean || who == s.jean {
			s.may[word] = append(s.may[word], s.jean.address, s.marie.address, s.supplier.address, s.expert.address, s.boss.address)
		}
		_ = who.posts([]string{to}, who.dated(mail))
		s.drained()
	}
}

func (s *stage) agentsCommand(agent *person) {
	lines := []string{"#observe Acme <acme@other.example>", "#observe -acme@other.example", "#observe bruno", "#cc +marie@other.example", "#cc -marie@other.example",
		"#close", "#reopen", "#solved", "#hold", "#merge 10002", "#merge 10000", "#merge 10001", "#split", "#assign bruno", "#assign me", "#team export@example.com", "#show", "#history"}
	command := lines[s.r.IntN(len(lines))]
	s.answers(agent, func(m received) bool {
		ofPaul := customerOf(m) == "Paul"
		return isCopy(m) && !(ofPaul && strings.Contains(command, "marie"))
	}, func(received) string { return command + "\n" })
}

// agentsForward forwards a mail from the mail client, over submission.
func (s *stage) agentsForward(*person) {
	m, ok := s.pick(s.anne, func(m received) bool { return isCopy(m) || isNote(m) || s.asideOf(m) != nil })
	if !ok {
		return
	}
	to, mail := replyTo(m, s.anne.String(), s.mark("expert", s.expert))
	mail = strings.ReplaceAll(strings.Replace(mail, "\nSubject: Re: ", "\nSubject: Fwd: ", 1), "\nTo: "+to+"\n", "\nTo: expert@other.example\n")
	_ = s.anne.posts([]string{s.expert.address}, s.anne.dated(mail))
	s.drained()
}

// agentsRelease answers the guard: what crossed goes out, what leaks does not.
func (s *stage) agentsRelease(agent *person) {
	s.answers(agent, isGuard, func(m received) string {
		if strings.Contains(m.text(), "ne devrait pas sortir") || strings.Contains(m.text(), "adresse interne") {
			return "#annuler\n"
		}
		return "#envoyer\n"
	})
}

// marks are those that a mail shows, as bytes or decoded.
func marks(t *testing.T, m testkit.Received) []string {
	seen := bytes.ToLower(m.Raw)
	parse(t, m).Walk(func(p *message.Part) bool {
		if len(p.Children) == 0 {
			seen = append(seen, bytes.ToLower([]byte(p.Text(1<<20)))...)
		}
		return true
	})
	list := markPattern.FindAllString(string(seen), -1)
	slices.Sort(list)
	return slices.Compact(list)
}

var markPattern = regexp.MustCompile(`canari[a-z]+\d{4}x`)

// inside are words that nobody outside may ever see.
var inside = []string{"corp.example", "[== postdesk", "[== /postdesk", "olga", "claire.martin", "bruno.petit", "anne.durand"}

// check looks at every mail that has left.
func (s *stage) check() {
	for _, sink := range []*testkit.Sink{s.customers, s.agentsSink()} {
		for _, m := range sink.Mails() {
			for _, to := range m.To {
				s.checkMail(m, to)
			}
		}
	}
}

func (s *stage) agentsSink() *testkit.Sink { return s.desk.agents }

func (s *stage) checkMail(m testkit.Received, to string) {
	if strings.HasSuffix(to, "@corp.example") {
		return // agents see all tickets' words
	}
	for _, mark := range marks(s.T, m) {
		if !slices.Contains(s.may[mark], to) {
			s.Errorf("%s is shown %s, which is for %v:\n%s", to, mark, s.may[mark], m.Raw)
		}
	}
	s.without(parse(s.T, m), inside...)
}

// Whatever people do, in whatever order, with asides, decisions, observers,
// merged and parted tickets: no mail that leaves bears a word that its reader may not
// see.
func TestNobodySeesWhatIsNotForThem(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			s := newStage(t, seed)
			for range 50 {
				s.step()
			}
			s.drained()
			s.check()
			s.mallory.hearsNothing()
			if t.Failed() {
				t.Log(strings.Join(s.said, "\n"))
			}
			t.Logf("%d mails outside, %d inside, %d tickets, %d held; %s", s.customers.Count(), s.desk.agents.Count(), s.tickets(), len(s.held()), s.messages(10000))
		})
	}
}
