package store

import (
	"context"
	"errors"
	"slices"
)

// moveStep is how many rows one Update moves, which keeps it below MaxUpdate
// however long the outbox is.
const moveStep = 200

// MoveOutbox changes every row in a state, in several Updates, and says how many
// it changed. A row that leaves the state meanwhile is passed over, and one that
// enters it may be missed. change gets a row and makes it what it is to be; it
// may be called again. After an error the rows that were counted stay changed.
func MoveOutbox(ctx context.Context, e Engine, from State, change func(*Outgoing)) (n int, err error) {
	ids, err := outgoingIDs(ctx, e, from)
	if err != nil {
		return 0, err
	}
	for part := range slices.Chunk(ids, moveStep) {
		moved := 0
		err := e.Update(ctx, func(tx Tx) (err error) {
			moved, err = moveRows(tx, part, from, change)
			return err
		})
		if err != nil {
			return n, err
		}
		n += moved
	}
	return n, nil
}

func outgoingIDs(ctx context.Context, e Engine, state State) (ids []uint64, err error) {
	err = e.View(ctx, func(tx ReadTx) error {
		ids = nil
		lo, hi := within(key(indexState, string(state)))
		return tx.Scan(lo, hi, 0, false, func(k, _ []byte) error {
			ids = append(ids, lastUint(k))
			return nil
		})
	})
	return ids, err
}

func moveRows(tx Tx, ids []uint64, from State, change func(*Outgoing)) (n int, err error) {
	for _, id := range ids {
		row, err := GetOutgoing(tx, id)
		if errors.Is(err, ErrNotFound) || err == nil && row.State != from {
			continue
		}
		if err != nil {
			return n, err
		}
		change(&row)
		if err := PutOutgoing(tx, row); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// ResetSending makes the rows that were under way when the program ended ready
// again, and says how many there were. Their recipients may get a duplicate
// only where DataStarted is set.
func ResetSending(ctx context.Context, e Engine) (int, error) {
	return MoveOutbox(ctx, e, Sending, func(row *Outgoing) { row.State = Ready })
}

// HoldOutbox holds every row that would go out, after a restore.
func HoldOutbox(ctx context.Context, e Engine, reason string) (n int, err error) {
	for _, state := range []State{Ready, Sending} {
		moved, err := MoveOutbox(ctx, e, state, func(row *Outgoing) { row.State, row.Reason = Held, reason })
		if n += moved; err != nil {
			return n, err
		}
	}
	return n, nil
}
