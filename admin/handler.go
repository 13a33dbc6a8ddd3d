package admin

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
)

// prefix of all paths; a change of it makes old and new programs refuse each
// other in words.
const prefix = "/v1/"

// maxRequest bounds a request: a CSV of contacts is the largest.
const maxRequest = 64 << 20

// trailer carries an error that came after the first byte of a result.
const trailer = "Postdesk-Error"

// Handler serves the operations of a desk, each under POST /v1/<name>. Whoever
// can reach it may do everything: put it on a socket of mode 0600.
func Handler(d *Desk, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	for name, op := range operations() {
		mux.HandleFunc("POST "+prefix+name, func(w http.ResponseWriter, r *http.Request) {
			serve(w, r, log, name, func(ctx context.Context, request []byte, out io.Writer) error { return op(ctx, d, request, out) })
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, ErrUnknownOperation.Error(), http.StatusNotFound)
	})
	return mux
}

func serve(w http.ResponseWriter, r *http.Request, log *slog.Logger, name string, op func(context.Context, []byte, io.Writer) error) {
	request, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		http.Error(w, fmt.Sprintf("request: %v", err), http.StatusBadRequest)
		return
	}
	out := &body{w: w}
	err = op(r.Context(), request, out)
	if changes(name) {
		audit(r.Context(), log, name, request, err)
	}
	switch {
	case err == nil:
	case !out.begun:
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
	default:
		w.Header().Set(http.TrailerPrefix+trailer, url.QueryEscape(err.Error()))
	}
}

// changes says whether an operation is worth a line in the log.
func changes(name string) bool {
	_, verb, _ := strings.Cut(name, "/")
	return verb != "list" && verb != "show" && verb != "history" && name != "explain" && name != "replay"
}

// body notices the first byte.
type body struct {
	w     http.ResponseWriter
	begun bool
}

func (b *body) Write(p []byte) (int, error) {
	b.begun = true
	return b.w.Write(p)
}
