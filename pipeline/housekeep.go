package pipeline

import (
	"context"

	"postdesk/store"
)

// purgeBatch keeps one transaction of housekeeping short: mail waits for it.
const purgeBatch = 500

// Housekeep deletes the records whose time has passed: the prints of mails that
// would no longer be taken for the same, and contents seen a day ago. It ends
// when nothing is left, on an error, or with ctx.
func (p *Pipeline) Housekeep(ctx context.Context) error {
	for ctx.Err() == nil {
		n := 0
		err := p.store.Update(ctx, func(tx store.Tx) (err error) {
			n, err = store.Purge(tx, p.steady.now(), purgeBatch)
			return err
		})
		if err != nil || n < purgeBatch {
			return err
		}
	}
	return ctx.Err()
}
