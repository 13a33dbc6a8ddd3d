package compose

import (
	"io/fs"

	"postdesk/internal/config"
)

type templateSet struct{}

type signature struct{}

func (c *Composer) loadBuiltin() error { return nil }

func (c *Composer) loadTeam(t *config.Team, open func(string) fs.FS) error { return nil }
