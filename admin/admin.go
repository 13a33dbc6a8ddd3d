// Package admin is what the command line asks of a desk: plain requests and
// results that can be written as JSON. The same operations run in the server,
// behind its admin socket, and in the command itself when no server runs.
package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"postdesk/internal/config"
	"postdesk/pipeline"
	"postdesk/store"
)

// Desk is what the operations work on. All fields must be set.
type Desk struct {
	Store    *store.DB
	Pipeline *pipeline.Pipeline
	Config   func() *config.Config // in force
	Wake     func()                // the outbox has rows that are due
	Now      func() time.Time
}

// Runner runs operations: a Desk in this process, or a Client of the one that
// has the data directory open.
type Runner interface {
	// Run writes the result of an operation to out: a JSON value, JSON values
	// one after the other, or bytes, by operation.
	Run(ctx context.Context, operation string, request any, out io.Writer) error
}

// ErrUnknownOperation means that server and command are of different versions.
var ErrUnknownOperation = errors.New("the server does not know this operation: restart it, it is of another version")

type operation func(ctx context.Context, d *Desk, request []byte, out io.Writer) error

// operations lists them by name.
func operations() map[string]operation {
	return map[string]operation{
		"ticket/list": list((*Desk).listTickets), "ticket/show": one((*Desk).showTicket), "ticket/raw": blob((*Desk).rawMail),
		"ticket/history": list((*Desk).history), "ticket/mbox": blob((*Desk).exportMbox), "ticket/export": blob((*Desk).exportJSON),
		"ticket/set": one((*Desk).setTicket),

		"queue/list": list((*Desk).listQueue), "queue/show": one((*Desk).showQueued), "queue/raw": blob((*Desk).rawQueued),
		"queue/retry": one((*Desk).retryQueued), "queue/release": one((*Desk).releaseQueued), "queue/drop": one((*Desk).dropQueued),
		"queue/hold-all": one((*Desk).holdAll), "queue/release-all": one((*Desk).releaseAll),

		"contact/list": list((*Desk).listContacts), "contact/show": one((*Desk).showContact), "contact/set": one((*Desk).setContact),
		"contact/merge": one((*Desk).mergeContacts), "contact/erase": one((*Desk).eraseContact),
		"contact/import": one((*Desk).importContacts), "contact/export": blob((*Desk).exportContacts),

		"explain": list((*Desk).explain), "replay": list((*Desk).replay), "welcome": one((*Desk).welcome),
		"report/tickets": blob((*Desk).reportTickets), "report/time": blob((*Desk).reportTime),
		"backup": one((*Desk).backup), "verify": list((*Desk).verify),
	}
}

// Run runs an operation in this process.
func (d *Desk) Run(ctx context.Context, name string, request any, out io.Writer) error {
	raw, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return d.run(ctx, name, raw, out)
}

func (d *Desk) run(ctx context.Context, name string, request []byte, out io.Writer) error {
	op := operations()[name]
	if op == nil {
		return fmt.Errorf("%s: %w", name, ErrUnknownOperation)
	}
	return op(ctx, d, request, out)
}

// one makes an operation with one result.
func one[Q, R any](fn func(*Desk, context.Context, Q) (R, error)) operation {
	return func(ctx context.Context, d *Desk, raw []byte, out io.Writer) error {
		var q Q
		if err := json.Unmarshal(raw, &q); err != nil {
			return fmt.Errorf("request: %w", err)
		}
		r, err := fn(d, ctx, q)
		if err != nil {
			return err
		}
		return json.NewEncoder(out).Encode(r)
	}
}

// list makes an operation whose results follow each other.
func list[Q, R any](fn func(*Desk, context.Context, Q, func(R) error) error) operation {
	return func(ctx context.Context, d *Desk, raw []byte, out io.Writer) error {
		var q Q
		if err := json.Unmarshal(raw, &q); err != nil {
			return fmt.Errorf("request: %w", err)
		}
		enc := json.NewEncoder(out)
		return fn(d, ctx, q, func(r R) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return enc.Encode(r)
		})
	}
}

// blob makes an operation that writes what is no JSON.
func blob[Q any](fn func(*Desk, context.Context, Q, io.Writer) error) operation {
	return func(ctx context.Context, d *Desk, raw []byte, out io.Writer) error {
		var q Q
		if err := json.Unmarshal(raw, &q); err != nil {
			return fmt.Errorf("request: %w", err)
		}
		return fn(d, ctx, q, out)
	}
}

// One runs an operation that has one result.
func One[R any](ctx context.Context, r Runner, operation string, request any) (result R, err error) {
	err = List(ctx, r, operation, request, func(one R) error {
		result = one
		return nil
	})
	return result, err
}

// List runs an operation and calls fn for each result as it comes.
func List[R any](ctx context.Context, r Runner, operation string, request any, fn func(R) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	in, out := io.Pipe()
	ran := make(chan error, 1)
	go func() {
		err := r.Run(ctx, operation, request, out)
		out.CloseWithError(err)
		ran <- err
	}()
	err := decodeAll(json.NewDecoder(in), fn)
	in.CloseWithError(err)
	if failed := <-ran; err == nil || errors.Is(err, failed) {
		return failed
	}
	return err
}

func decodeAll[R any](dec *json.Decoder, fn func(R) error) error {
	for {
		var one R
		if err := dec.Decode(&one); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := fn(one); err != nil {
			return err
		}
	}
}

// None is the request or the result of an operation that has none.
type None struct{}

// missing says in words what was not found.
func missing(err error, format string, args ...any) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("there is no "+format, args...)
	}
	return err
}
