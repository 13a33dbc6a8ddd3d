package pipeline

import (
	"postdesk/internal/addr"
	"postdesk/internal/compose"
	"postdesk/internal/config"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/rules"
	"postdesk/store"
)

// outbound is an agent's mail in one transaction.
type outbound struct {
	inbound
	agent    *config.Agent
	commands []ticket.Command
	rest     string         // the new text below the commands
	left     *compose.Draft // the same, in each form that the mail has it
	struck   []string       // the lines that leave the text, as they were typed
	wrong    wrong          // the commands that were not carried out
	crossing crossing       // what colleagues did meanwhile
	people   addressees     // the recipients who are not the desk
	gesture  rules.Gesture  // what they mean
	guess    addr.Mailbox   // who may be the customer, when that is asked
	note     bool           // a note by command, by default, or by role
	moves    bool           // #team gives the ticket away: see lang
	insert   string         // text to set above the agent's own
	attach   []message.File // files to send beside the agent's own
	used     []string       // the canned answers that insert and attach are of
	prepared bool           // they were asked for
	composed message.Source // the answer as the customer gets it
	pages    []page         // what the agent is answered at the end
	outside  bool           // commands that are about no ticket; t is where they are kept
	// dropsQuote: what is quoted was not meant for the customer, and the text is.
	dropsQuote bool
	was        string // who looked after the ticket and has had its mails
	parted     string // what #split did, in words
	moving     int    // bytes of messages that #merge takes to other tickets
}

func (in *inbound) outbound() *outbound { return &outbound{inbound: *in, agent: in.agent()} }

func (out *outbound) by() ticket.Actor { return ticket.Actor{Kind: ticket.ByAgent, ID: out.agent.ID} }

// lang is the language of the team in whose matter the agent writes. Who gives a ticket to a team of another
// language is answered in that of the agent's own.
func (out *outbound) lang() string {
	switch {
	case out.agent == nil:
		return out.team.Language
	case out.moves:
		return out.w.homeTeam(out.agent).Language
	}
	return out.w.languageOf(out.agent, out.team)
}

// languageOf is what an agent reads in a matter of a team: its language, else
// that of the agent's own.
func (w *world) languageOf(a *config.Agent, team *config.Team) string {
	if inTeam(team, a.ID) {
		return team.Language
	}
	return w.homeTeam(a).Language
}

// openTicket makes a ticket, or what it was merged into, the one that this mail
// is about.
func (out *outbound) openTicket(number uint64) (err error) {
	if out.t, err = store.LiveTicket(out.tx, number); err == nil {
		out.team = out.w.teamOf(out.t)
	}
	return err
}

// keepAs stores the agent's mail as a message of the ticket.
func (out *outbound) keepAs(kind ticket.Kind) error {
	if err := out.keep(kind); err != nil {
		return err
	}
	out.m.Agent = out.agent.ID
	return nil
}
