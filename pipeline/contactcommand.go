package pipeline

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"postdesk/internal/addr"
	"postdesk/internal/alike"
	"postdesk/internal/message"
	"postdesk/internal/ticket"
	"postdesk/store"
)

// Bounds of what #contact writes: the bytes of a value, and the tickets that a
// merge of two contacts may move in one mail.
const (
	maxContactValue  = 200
	maxMergedTickets = 30
)

// contactWords are what may follow #contact, folded, in both languages.
var contactWords = map[string]string{
	"link": "link", "lier": "link", "add": "link", "ajouter": "link", "unlink": "unlink", "delier": "unlink", "detacher": "unlink",
	"name": "name", "nom": "name", "company": "company", "societe": "company", "entreprise": "company",
	"language": "language", "langue": "language", "agent": "agent", "field": "field", "champ": "field",
	"show": "show", "montrer": "show", "": "show",
}

// contactForms are the words to type after #contact, with what follows them, in each language.
var contactForms = map[string]map[string]string{
	"fr": {"link": "lier …", "unlink": "délier …", "name": "nom …", "company": "société …", "language": "langue …", "agent": "agent …", "field": "champ …", "show": "montrer"},
	"en": {"link": "link …", "unlink": "unlink …", "name": "name …", "company": "company …", "language": "language …", "agent": "agent …", "field": "field …", "show": "show"},
}

// changeContact is #contact: the record of the ticket's requester.
func (out *outbound) changeContact(c ticket.Command) (string, error) {
	word, value, _ := strings.Cut(c.Arg, " ")
	value = strings.TrimSpace(value)
	what, ok := contactWords[alike.Name(strings.TrimRight(word, ":"))]
	if !ok {
		return "", refuse(c, words(out.lang(), "contactForm"), out.contactLike(word)...)
	}
	record, err := out.requesterRecord(c)
	if err != nil {
		return "", err
	}
	if what == "show" {
		return fmt.Sprintf(words(out.lang(), "contactIs"), c.Line, out.describe(record)), nil
	}
	if value == "" && what != "company" && what != "agent" && what != "language" || message.Clean(value, maxContactValue) != value {
		return "", refuse(c, words(out.lang(), "contactForm"), out.contactLike(word)...)
	}
	if err := out.changeRecord(c, record, what, value); err != nil {
		return "", err
	}
	record.Known = true // an agent has entered it
	if err := store.SaveContact(out.tx, record); err != nil {
		return "", err
	}
	e := ticket.Event{By: out.by(), What: ticket.ContactChanged, Data: map[string]string{"what": what, "is": value}}
	if err := out.event(e); err != nil {
		return "", err
	}
	return fmt.Sprintf(words(out.lang(), "contactIs"), c.Line, out.describe(record)), nil
}

// contactLike are the forms of #contact that look like what was typed, each once: in the language of the word where it
// is one, else in the team's.
func (out *outbound) contactLike(typed string) []string {
	forms := contactForms["en"]
	if out.lang() == "fr" {
		forms = contactForms["fr"]
	}
	typed = alike.Name(strings.TrimRight(typed, ":"))
	for _, other := range contactForms {
		if what, ok := contactWords[typed]; ok && beginsWith(other[what], typed) && !beginsWith(forms[what], typed) {
			forms = other
		}
	}
	var list []string
	for _, word := range alike.Closest(typed, slices.Sorted(maps.Keys(contactWords))) {
		if form := "#contact " + forms[contactWords[word]]; !slices.Contains(list, form) {
			list = append(list, form)
		}
	}
	if len(list) == 0 {
		list = []string{"#contact " + forms["link"], "#contact " + forms["name"], "#contact " + forms["company"]}
	}
	return list
}

// beginsWith says whether a form's first word is this one, folded.
func beginsWith(form, word string) bool { return alike.Name(typedWord(form)) == word }

// requesterRecord is the record of the one who asked.
func (out *outbound) requesterRecord(c ticket.Command) (*store.Contact, error) {
	r := out.t.Requester()
	if r == nil {
		return nil, refuse(c, words(out.lang(), "noCustomer"))
	}
	record, err := store.GetContact(out.tx, r.Contact)
	if errors.Is(err, store.ErrNotFound) {
		if record, err = store.SeeContact(out.tx, addr.Mailbox{Name: r.Name, Address: r.Address}, out.at); err == nil {
			r.Contact = record.ID
			err = store.AddRequest(out.tx, record.ID, out.t.Number)
		}
	}
	if err == nil && record.Erased {
		return nil, refuse(c, words(out.lang(), "contactErased"))
	}
	return record, err
}

// changeRecord makes one change.
func (out *outbound) changeRecord(c ticket.Command, record *store.Contact, what, value string) error {
	switch what {
	case "link":
		return out.link(c, record, value)
	case "unlink":
		return out.unlink(c, record, value)
	case "name": // the customer reads it
		clean, err := out.forCustomer(c, value)
		if err != nil {
			return err
		}
		value = message.Clean(clean, maxContactValue)
		record.Name = value
		out.t.Requester().Name = shortName(value) // the next answer greets by it
	case "company":
		record.Company = value
	case "language":
		return out.setLanguage(c, record, value)
	case "agent":
		return out.setUsual(c, record, value)
	case "field":
		name, v, ok := strings.Cut(value, "=")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return refuse(c, words(out.lang(), "fieldForm"))
		}
		for _, old := range slices.Sorted(maps.Keys(record.Fields)) {
			if alike.Name(old) == alike.Name(name) {
				name = old
				break
			}
		}
		switch err := record.SetField(name, strings.TrimSpace(v)); {
		case errors.Is(err, store.ErrManyFields):
			return refuse(c, fmt.Sprintf(words(out.lang(), "contactFields"), store.MaxContactFields))
		case err != nil:
			return refuse(c, words(out.lang(), "fieldLong"))
		}
	}
	return nil
}

// link adds an address to the record. One that has a record of its own brings
// it along: tickets, and what this one lacks.
func (out *outbound) link(c ticket.Command, record *store.Contact, value string) error {
	a, err := addr.Parse(strings.Trim(value, "<>"))
	if err != nil {
		return refuse(c, fmt.Sprintf(words(out.lang(), "noAddress"), value))
	}
	if out.ours(a) {
		return refuse(c, fmt.Sprintf(words(out.lang(), "ownAddress"), a))
	}
	other, err := store.FindContact(out.tx, a)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return err
	case other.ID != record.ID:
		return out.mergeRecords(c, record, other)
	default:
		return nil // it is there
	}
	if record.AddAddress(a) != nil {
		return refuse(c, fmt.Sprintf(words(out.lang(), "contactMany"), store.MaxContactAddresses))
	}
	return nil
}

// mergeRecords joins two records. The one that was entered stays, else the
// older one; *record is what they became.
func (out *outbound) mergeRecords(c ticket.Command, record, other *store.Contact) error {
	into, from := record.ID, other.ID
	if other.Known && !record.Known || other.Known == record.Known && other.ID < record.ID {
		into, from = from, into
	}
	var numbers []uint64
	err := store.Requests(out.tx, from, func(n uint64) error { numbers = append(numbers, n); return nil })
	if err != nil {
		return err
	}
	if len(numbers) > maxMergedTickets || len(record.Addresses)+len(other.Addresses) > store.MaxContactAddresses {
		return refuse(c, fmt.Sprintf(words(out.lang(), "contactLarge"), into, from))
	}
	for _, n := range numbers {
		if n == out.t.Number {
			out.movePerson(from, into)
		} else if err := store.MoveRequest(out.tx, n, from, into); err != nil {
			return err
		}
	}
	if slices.Contains(numbers, out.t.Number) {
		if err := store.DropRequest(out.tx, from, out.t.Number); err != nil {
			return err
		}
		if err := store.AddRequest(out.tx, into, out.t.Number); err != nil {
			return err
		}
	}
	merged, err := store.MergeContacts(out.tx, into, from)
	if errors.Is(err, store.ErrManyFields) || errors.Is(err, store.ErrLongField) {
		return refuse(c, fmt.Sprintf(words(out.lang(), "contactFields"), store.MaxContactFields))
	}
	if err == nil {
		*record = *merged
	}
	return err
}

// movePerson follows a merge in the ticket at hand, which is saved at the end.
func (out *outbound) movePerson(from, into uint64) {
	for i := range out.t.Participants {
		if p := &out.t.Participants[i]; p.Contact == from {
			p.Contact = into
		}
	}
}

// unlink takes an address off the record; not the one that this ticket is
// answered at.
func (out *outbound) unlink(c ticket.Command, record *store.Contact, value string) error {
	a, err := addr.Parse(strings.Trim(value, "<>"))
	if err != nil {
		return refuse(c, fmt.Sprintf(words(out.lang(), "noAddress"), value))
	}
	i := slices.IndexFunc(record.Addresses, func(b addr.Address) bool { return b.Key() == a.Key() })
	switch {
	case i < 0:
		return refuse(c, fmt.Sprintf(words(out.lang(), "notLinked"), a))
	case a.Key() == out.t.Requester().Address.Key():
		return refuse(c, fmt.Sprintf(words(out.lang(), "ticketsOwn"), a))
	}
	record.Addresses = slices.Delete(record.Addresses, i, i+1)
	return nil
}

// setLanguage is for this ticket too: the next mail is in that language.
func (out *outbound) setLanguage(c ticket.Command, record *store.Contact, value string) error {
	value = strings.ToLower(value)
	if named, ok := languageNames[alike.Name(value)]; ok {
		value = named
	}
	if value != "" && !out.w.compose.Speaks(out.team, value) {
		return refuse(c, fmt.Sprintf(words(out.lang(), "badLanguage"), value))
	}
	record.Language = value
	if value == "" || value == out.t.Language {
		return nil
	}
	return out.event(ticket.Event{By: out.by(), What: ticket.LanguageSet, Data: map[string]string{"language": value}})
}

// languageNames are the built-in languages as people call them, folded.
var languageNames = map[string]string{"francais": "fr", "french": "fr", "anglais": "en", "english": "en"}

// setUsual names the agent who looks after this customer; "none" nobody.
func (out *outbound) setUsual(c ticket.Command, record *store.Contact, value string) error {
	id, ok := ticket.Assignee(value, out.agent.ID, out.w)
	if !ok && value != "" {
		return refuse(c, fmt.Sprintf(words(out.lang(), "fault-agent"), value))
	}
	record.Agent = id
	return nil
}

// describe is a record in one line.
func (out *outbound) describe(c *store.Contact) string {
	var parts []string
	for _, s := range []string{c.Name, c.Company} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	for _, a := range c.Addresses {
		parts = append(parts, a.String())
	}
	if c.Language != "" {
		parts = append(parts, c.Language)
	}
	if c.Agent != "" {
		parts = append(parts, out.w.agentName(c.Agent))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Fields)) {
		parts = append(parts, name+"="+c.Fields[name])
	}
	if len(parts) == 0 {
		return strconv.FormatUint(c.ID, 10)
	}
	return strings.Join(parts, ", ")
}
