// Package compose writes every mail that leaves postdesk: the acknowledgement,
// the agent's copy, the customer's reply, and notices. It is pure: it reads the
// sources that it is given and nothing else, and the same input gives the same
// bytes. Results are ropes over the original mail, so a large attachment is
// never copied in memory.
package compose

import (
	"fmt"
	"io/fs"
	"os"

	"postdesk/internal/config"
)

// Composer writes mails with one set of templates. It is never changed after
// New, and may be used by several goroutines.
type Composer struct {
	sets  map[string]*templateSet // by folder and language, see setKey
	sigs  map[string]*signature   // by the signature's text
	keys  [][]byte                // of the block's marks, newest first
	teams []*config.Team
	acks  []string // words of acknowledgements' subjects before the number, longest first
}

// Options say what a Composer is made of.
type Options struct {
	// Teams are the configured ones: their templates folder, language and
	// signature are read and checked by New.
	Teams []config.Team
	// MarkKeys are secrets for the marks around the block at the end of an
	// agent's copy, so that nobody else can write such marks. The first writes,
	// all verify. Derive them from the token key.
	MarkKeys [][]byte
	// Folder opens a templates folder; nil is os.DirFS.
	Folder func(path string) fs.FS
}

// New reads and checks all templates. The error of a bad one names its file
// and line, or the team whose signature it is.
func New(o Options) (*Composer, error) {
	open := o.Folder
	if open == nil {
		open = func(path string) fs.FS { return os.DirFS(path) }
	}
	c := &Composer{sets: map[string]*templateSet{}, sigs: map[string]*signature{}, keys: o.MarkKeys}
	if len(c.keys) == 0 {
		c.keys = [][]byte{nil}
	}
	if err := c.loadBuiltin(); err != nil {
		return nil, err
	}
	for i := range o.Teams {
		if err := c.loadTeam(&o.Teams[i], open); err != nil {
			return nil, fmt.Errorf("team %s: %w", o.Teams[i].Name, err)
		}
	}
	if err := c.collectAckForms(); err != nil {
		return nil, err
	}
	return c, nil
}
