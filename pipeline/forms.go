package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"postdesk/internal/alike"
	"postdesk/internal/compose"
	"postdesk/internal/config"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/rules"
)

// maxAsks is how many times a customer is asked for the fields of one ticket:
// once for what is missing, and again for what does not fit.
const maxAsks = 3

// Bounds of the fields that agents may add to a ticket's record, where nobody
// has defined any: how many there are, and the bytes of a name.
const (
	maxFields    = 50
	maxFieldName = 100
)

// maxShownFields is how many fields a copy shows.
const maxShownFields = 20

// indexForms compiles what the teams ask for.
func (w *world) indexForms() error {
	w.forms = map[*config.Team]*rules.Form{}
	for i := range w.cfg.Teams {
		t := &w.cfg.Teams[i]
		form, err := rules.NewForm(t.Fields)
		if err != nil {
			return fmt.Errorf("team %s: field: %w", t.Name, err)
		}
		w.forms[t] = form
	}
	return nil
}

// formAnswers reads the mail as an answer to a form.
func (d *delivery) formAnswers(form *rules.Form) (a rules.Answers, fresh string) {
	if len(form.Names()) == 0 {
		return a, ""
	}
	text, _ := d.mail.TextBody(maxRuleText)
	fresh, quoted := message.SplitQuote(text)
	return form.Read(fresh, quoted), fresh
}

// arrivedFields are the fields of a new request as the rules see them.
func (d *delivery) arrivedFields(team *config.Team) map[string]string {
	a, _ := d.formAnswers(d.w.forms[team])
	fields := maps.Clone(a.Quoted)
	if fields == nil {
		return a.Values
	}
	maps.Copy(fields, a.Values)
	return fields
}

// fillForm takes the fields of the ticket from a mail of the customer. What the
// customer wrote anew replaces an older value when the address is backed; what
// stands in a quote fills only what is empty.
func (in *inbound) fillForm() error {
	form := in.w.forms[in.team]
	answers, fresh := in.formAnswers(form)
	in.misfits = answers.Wrong
	found := map[string]string{}
	for _, name := range form.Names() {
		have := rules.Value(in.t.Fields, name)
		typed, quoted := answers.Values[name], answers.Quoted[name]
		switch {
		case typed != "" && typed != have && (have == "" || in.facts.Auth.Backed != ""):
			found[name] = typed
		case have == "" && quoted != "":
			found[name] = quoted
		}
	}
	if missing := form.Missing(in.t.Fields); len(found)+len(in.misfits) == 0 && in.t.FieldsAsked > 0 && len(missing) == 1 {
		if value, ok := form.Only(missing[0].Name, fresh); ok {
			found[missing[0].Name] = value
		}
	}
	return in.setFields(found)
}

// setFields writes what was found. A ticket that is full takes no more of it; the mail has it.
func (in *inbound) setFields(found map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if len(found[name]) > len(rules.Value(in.t.Fields, name)) && in.t.Full() {
			continue
		}
		if err := in.event(ticket.Event{By: in.sender(), What: ticket.FieldSet, Data: map[string]string{"name": name, "value": found[name]}}); err != nil {
			return err
		}
	}
	return nil
}

// knownFields fills what the contact's record has already: nobody is asked for
// the serial number that came with the import. The address must be backed.
func (in *inbound) knownFields() error {
	if in.contact == nil || in.facts.Auth.Backed == "" {
		return nil
	}
	form := in.w.forms[in.team]
	found := map[string]string{}
	for _, name := range form.Names() {
		if value, ok := form.Fit(name, rules.Value(in.contact.Fields, name)); ok && value != "" && rules.Value(in.t.Fields, name) == "" {
			found[name] = value
		}
	}
	return in.setFields(found)
}

// askFields asks for the required fields that a new request lacks, in a mail of
// its own. Who may not be acknowledged is not asked.
func (in *inbound) askFields() error {
	if !in.facts.Ack.Send || in.outcome.Refuse != "" || in.t.FieldsAsked > 0 || len(in.w.forms[in.team].Missing(in.t.Fields)) == 0 {
		return nil
	}
	return in.sendForm()
}

// askFieldsAgain asks once more for what does not fit. It is over when an agent has
// taken the word: a person asks better.
func (in *inbound) askFieldsAgain() error {
	switch {
	case len(in.misfits) == 0, in.t.FieldsAsked == 0, in.t.FieldsAsked >= maxAsks, !in.t.FirstReply.IsZero(), in.t.Turn() != ticket.TurnDesk:
		return nil
	case in.facts.Auth.Backed == "":
		return nil
	}
	return in.sendForm()
}

// sendForm asks for what is missing, and for what came and does not fit.
func (in *inbound) sendForm() error {
	form, r := in.w.forms[in.team], in.t.Requester()
	if r == nil || r.Address.Key() != in.author.Address.Key() {
		return nil // somebody else, whom a form or a Reply-To names
	}
	missing := form.Missing(in.t.Fields)
	for _, name := range form.Names() {
		f, _ := form.Field(name)
		if in.misfits[name] != "" && !f.Required && rules.Value(in.t.Fields, name) == "" {
			missing = append(missing, f)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	to, err := in.p.underCap(in.tx, in.w, []*ticket.Participant{whence(r)})
	if err != nil || len(to) == 0 {
		return err // the agent's copy says what is missing
	}
	l := letter{kind: compose.LetterFields, t: in.t, to: to, answering: true, at: in.at,
		data: compose.LetterData{Fields: missing, Again: len(in.misfits) > 0}}
	if err := in.p.sendLetter(in.tx, in.w, l); err != nil {
		return err
	}
	var names []string
	for _, f := range missing {
		names = append(names, f.Name)
	}
	return in.event(ticket.Event{By: ticket.System, What: ticket.FieldsAsked, Data: map[string]string{"names": strings.Join(names, ", ")}})
}

// shownFields are a ticket's fields for people: those of the team's form in its
// order, then the others by name.
func (w *world) shownFields(t *ticket.Ticket) (shown []compose.TicketField, missing []string) {
	form := w.forms[w.teamOf(t)]
	seen := map[string]bool{}
	names := slices.Concat(form.Names(), slices.Sorted(maps.Keys(t.Fields)))
	for _, name := range names {
		value := rules.Value(t.Fields, name)
		if key := alike.Name(name); value == "" || seen[key] || len(shown) == maxShownFields {
			continue
		} else {
			seen[key] = true
		}
		shown = append(shown, compose.TicketField{Name: name, Value: value})
	}
	for _, f := range form.Missing(t.Fields) {
		missing = append(missing, f.Name)
	}
	return shown, missing
}

// setField is #field name=value. Where the team has fields, or rules set some,
// only those can be set; where nobody defined any, all can. An empty value takes
// a field away.
func (out *outbound) setField(c ticket.Command) (string, error) {
	at := strings.IndexAny(c.Arg, "=:")
	if at <= 0 {
		return "", refuse(c, words(out.lang(), "fieldForm"))
	}
	typed, value := strings.TrimSpace(c.Arg[:at]), strings.TrimSpace(c.Arg[at+1:])
	name, known := out.fieldName(typed)
	if name == "" {
		var closest []string
		for _, n := range alike.Closest(typed, known) {
			closest = append(closest, "#field "+n+"="+value)
		}
		return "", refuse(c, fmt.Sprintf(words(out.lang(), "fieldUnknown"), typed, strings.Join(known, ", ")), closest...)
	}
	form := out.w.forms[out.team]
	fits, ok := form.Fit(name, value)
	if !ok {
		f, _ := form.Field(name)
		return "", refuse(c, fmt.Sprintf(words(out.lang(), "fieldWrong"), value, name)+inBrackets(f.Hint))
	}
	if message.Clean(fits, rules.MaxFieldValue) != fits || len(name) > maxFieldName {
		return "", refuse(c, words(out.lang(), "fieldLong"))
	}
	was := rules.Value(out.t.Fields, name)
	if fits != "" && was == "" && len(out.t.Fields) >= maxFields || len(fits) > len(was) && out.t.Full() {
		return "", refuse(c, words(out.lang(), "fieldMany"))
	}
	if err := out.event(ticket.Event{By: out.by(), What: ticket.FieldSet, Data: map[string]string{"name": name, "value": fits}}); err != nil {
		return "", err
	}
	if fits == "" {
		return fmt.Sprintf(words(out.lang(), "fieldGone"), c.Line, name), nil
	}
	return fmt.Sprintf(words(out.lang(), "doneField"), c.Line, name, fits), nil
}

func inBrackets(hint string) string {
	if hint == "" {
		return ""
	}
	return " (" + hint + ")"
}

// fieldName is the name as it is written here, "" for one that nobody defined;
// known are those that there are.
func (out *outbound) fieldName(typed string) (name string, known []string) {
	known = out.w.forms[out.team].Names()
	for _, r := range out.w.cfg.Rules {
		for _, key := range slices.Sorted(maps.Keys(r.Then)) {
			if field, ok := strings.CutPrefix(key, "field."); ok {
				known = append(known, field)
			}
		}
	}
	defined := len(known) > 0
	known = append(known, slices.Sorted(maps.Keys(out.t.Fields))...)
	key := alike.Name(typed)
	for _, n := range known {
		if alike.Name(n) == key {
			return n, known
		}
	}
	if key != "" && !defined {
		return typed, known
	}
	slices.Sort(known)
	return "", slices.Compact(known)
}
