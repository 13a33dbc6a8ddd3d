package admin

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"postdesk/internal/addr"
	"postdesk/internal/message"
	"postdesk/store"
)

// ImportContacts asks to take contacts from a CSV. The first line names the
// columns: address (several separated by space or ";", "@example.com" for a
// whole company), name, company, agent, language, known (yes or no; without the
// column yes), field:<name>. A column that is there sets the value, an empty
// cell clears it; a column that is missing changes nothing. The separator is a
// comma, a semicolon or a tab. Nothing is written when a line is wrong.
type ImportContacts struct {
	CSV    []byte
	DryRun bool
}

// Imported counts what an import did or would do.
type Imported struct {
	New       int  `json:"new"`
	Changed   int  `json:"changed"`
	Unchanged int  `json:"unchanged"`
	DryRun    bool `json:"dry_run"`
	// Changes are what a dry run would change, by line of the file, at most 1000.
	Changes []ImportChange `json:"changes,omitempty"`
}

// ImportChange is what one line of the file would do.
type ImportChange struct {
	Line    int      `json:"line"`
	Contact uint64   `json:"contact"` // 0 is a new one
	Address string   `json:"address"`
	What    []string `json:"what"` // as `name "Jean" → "Jean Client"`
}

// maxImportChanges is how many lines a dry run tells of.
const maxImportChanges = 1000

// maxFaults is how many wrong lines are told.
const maxFaults = 20

func (d *Desk) importContacts(ctx context.Context, q ImportContacts) (done Imported, err error) {
	rows, err := parseContacts(string(q.CSV))
	if err != nil {
		return done, err
	}
	if err := d.checkRows(rows); err != nil {
		return done, err
	}
	done.DryRun = q.DryRun
	err = d.Store.View(ctx, func(tx store.ReadTx) error {
		var faults []error
		for _, row := range rows {
			if _, _, err := d.applyRow(tx, row); err != nil && len(faults) < maxFaults {
				faults = append(faults, err)
			}
		}
		return errors.Join(faults...)
	})
	if err != nil {
		return done, err
	}
	for part := range slices.Chunk(rows, 100) {
		count, err := d.importPart(ctx, part, q.DryRun)
		if err != nil {
			return done, err
		}
		done.New, done.Changed, done.Unchanged = done.New+count.New, done.Changed+count.Changed, done.Unchanged+count.Unchanged
		done.Changes = append(done.Changes, count.Changes...)
		done.Changes = done.Changes[:min(len(done.Changes), maxImportChanges)]
	}
	return done, nil
}

// importPart writes some rows, or only counts them.
func (d *Desk) importPart(ctx context.Context, rows []contactRow, dry bool) (n Imported, err error) {
	each := func(tx store.ReadTx, save func(*store.Contact) error) error {
		n = Imported{}
		for _, row := range rows {
			c, changes, err := d.applyRow(tx, row)
			switch {
			case err != nil:
				return err
			case c.ID == 0:
				n.New++
			case len(changes) > 0:
				n.Changed++
			default:
				n.Unchanged++
				continue
			}
			if dry {
				n.Changes = append(n.Changes, ImportChange{Line: row.line, Contact: c.ID, Address: plain(row.addresses)[0], What: changes})
			}
			if err := save(c); err != nil {
				return err
			}
		}
		return nil
	}
	if dry {
		return n, d.Store.View(ctx, func(tx store.ReadTx) error { return each(tx, func(*store.Contact) error { return nil }) })
	}
	err = d.Store.Update(ctx, func(tx store.Tx) error {
		return each(tx, func(c *store.Contact) error { return store.SaveContact(tx, c) })
	})
	return n, err
}

// contactRow is one line of the file.
type contactRow struct {
	line      int
	addresses []addr.Address
	cells     map[string]string // by column
}

// parseContacts reads the file. All that is wrong with it comes in one error.
func parseContacts(text string) ([]contactRow, error) {
	text = strings.TrimPrefix(text, "\uFEFF")
	if !utf8.ValidString(text) {
		return nil, errors.New("the file is not UTF-8: save it as \"CSV UTF-8\"")
	}
	r := csv.NewReader(strings.NewReader(text))
	head, _, _ := strings.Cut(text, "\n")
	for _, comma := range ";\t" {
		if strings.ContainsRune(head, comma) && !strings.Contains(head, ",") {
			r.Comma = comma
		}
	}
	columns, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("line 1: want the names of the columns: %w", err)
	}
	if err := checkColumns(columns); err != nil {
		return nil, err
	}
	var rows []contactRow
	var faults []error
	for len(faults) < maxFaults {
		cells, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err // it names the line
		}
		line, _ := r.FieldPos(0)
		row, err := contactRowOf(line, columns, cells)
		if err != nil {
			faults = append(faults, fmt.Errorf("line %d: %w", line, err))
		}
		rows = append(rows, row)
	}
	return rows, errors.Join(faults...)
}

// checkColumns also brings the names into their form.
func checkColumns(columns []string) error {
	seen := map[string]bool{}
	for i, name := range columns {
		name = strings.TrimSpace(name)
		field, isField := strings.CutPrefix(name, "field:")
		if !isField {
			name = strings.ToLower(name)
		}
		switch {
		case isField && field != "":
		case slices.Contains([]string{"address", "name", "company", "agent", "language", "known"}, name):
		default:
			return fmt.Errorf("line 1: unknown column %q; want address, name, company, agent, language, known or field:<name>", name)
		}
		if seen[name] {
			return fmt.Errorf("line 1: column %q is there twice", name)
		}
		seen[name], columns[i] = true, name
	}
	if !seen["address"] {
		return errors.New("line 1: there is no column address")
	}
	return nil
}

func contactRowOf(line int, columns, cells []string) (contactRow, error) {
	row := contactRow{line: line, cells: map[string]string{}}
	for i, name := range columns {
		value := strings.TrimSpace(cells[i])
		if message.Clean(value, 1000) != value {
			return row, fmt.Errorf("%s: too long, or with control characters", name)
		}
		row.cells[name] = value
	}
	for _, s := range strings.FieldsFunc(row.cells["address"], func(r rune) bool { return r == ' ' || r == ';' }) {
		a, err := parseWho(s)
		if err != nil {
			return row, fmt.Errorf("address: %q: %w", s, err)
		}
		row.addresses = append(row.addresses, a)
	}
	if len(row.addresses) == 0 {
		return row, errors.New("address: is empty")
	}
	if known, ok := row.cells["known"]; ok && known != "yes" && known != "no" {
		return row, fmt.Errorf("known: %q; want yes or no", known)
	}
	return row, checkLanguage(row.cells["language"])
}

// checkRows finds addresses that stand twice and agents that are not there.
func (d *Desk) checkRows(rows []contactRow) error {
	lines := map[string]int{}
	var faults []error
	for _, row := range rows {
		if err := d.checkAgent(row.cells["agent"]); err != nil {
			faults = append(faults, fmt.Errorf("line %d: %w", row.line, err))
		}
		for _, a := range row.addresses {
			if first := lines[a.Key()]; first != 0 && first != row.line {
				faults = append(faults, fmt.Errorf("line %d: address: %s is in line %d too", row.line, a, first))
			}
			lines[a.Key()] = row.line
		}
		if len(faults) >= maxFaults {
			break
		}
	}
	return errors.Join(faults...)
}

// applyRow finds the contact of a row, or makes one, and changes it. changes
// says what, "" nothing.
func (d *Desk) applyRow(tx store.ReadTx, row contactRow) (c *store.Contact, changes []string, err error) {
	for _, a := range row.addresses {
		found, err := store.FindContact(tx, a)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		if c != nil && found.ID != c.ID {
			return nil, nil, fmt.Errorf("line %d: its addresses are those of the contacts %d and %d: merge them first", row.line, c.ID, found.ID)
		}
		c = found
	}
	if c == nil {
		c = &store.Contact{Created: d.Now().UTC()}
	}
	before := contactOf(c)
	before.Fields = maps.Clone(before.Fields)
	if err := row.set(c); err != nil {
		return nil, nil, fmt.Errorf("line %d: %w", row.line, err)
	}
	return c, differences(before, contactOf(c)), nil
}

// differences are what a line changes, in words for a dry run.
func differences(was, is Contact) []string {
	var list []string
	say := func(what, from, to string) {
		if from != to {
			list = append(list, fmt.Sprintf("%s %q → %q", what, from, to))
		}
	}
	for _, a := range is.Addresses {
		if !slices.Contains(was.Addresses, a) {
			list = append(list, "address +"+a)
		}
	}
	say("name", was.Name, is.Name)
	say("company", was.Company, is.Company)
	say("agent", was.Agent, is.Agent)
	say("language", was.Language, is.Language)
	say("known", yesNo(was.Known), yesNo(is.Known))
	names := map[string]bool{}
	for _, fields := range []map[string]string{was.Fields, is.Fields} {
		for name := range fields {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		say("field:"+name, was.Fields[name], is.Fields[name])
	}
	return list
}

func (row *contactRow) set(c *store.Contact) error {
	for _, a := range row.addresses {
		if err := c.AddAddress(a); err != nil {
			return err
		}
	}
	for column, into := range map[string]*string{"name": &c.Name, "company": &c.Company, "agent": &c.Agent, "language": &c.Language} {
		if value, ok := row.cells[column]; ok {
			*into = value
		}
	}
	for _, column := range slices.Sorted(maps.Keys(row.cells)) {
		if name, ok := strings.CutPrefix(column, "field:"); ok {
			if err := c.SetField(name, row.cells[column]); err != nil {
				return fmt.Errorf("%s: %w", column, err)
			}
		}
	}
	c.Known = row.cells["known"] != "no"
	return nil
}

// exportContacts writes all contacts in the form that the import reads. It
// reads them twice: the first time for the names of the fields.
func (d *Desk) exportContacts(ctx context.Context, _ None, out io.Writer) error {
	return d.Store.View(ctx, func(tx store.ReadTx) error {
		names := map[string]bool{}
		err := store.ListContacts(tx, func(c *store.Contact) error {
			for name := range c.Fields {
				names[name] = true
			}
			return ctx.Err()
		})
		if err != nil {
			return err
		}
		fields := slices.Sorted(maps.Keys(names))
		w := csv.NewWriter(out)
		head := []string{"address", "name", "company", "agent", "language"}
		for _, name := range fields {
			head = append(head, "field:"+name)
		}
		if err := w.Write(append(head, "known")); err != nil {
			return err
		}
		err = store.ListContacts(tx, func(c *store.Contact) error {
			if c.Erased || len(c.Addresses) == 0 {
				return nil
			}
			row := []string{strings.Join(plain(c.Addresses), " "), c.Name, c.Company, c.Agent, c.Language}
			for _, name := range fields {
				row = append(row, c.Fields[name])
			}
			return w.Write(append(row, yesNo(c.Known)))
		})
		w.Flush()
		return errors.Join(err, w.Error())
	})
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
