GO ?= go
FUZZTIME ?= 10s

# Packages with tests that need Debian's programs (Postfix, swaks, rspamd, ...).
INTEROP = $(shell grep -rl --include='*_test.go' '^//go:build.*interop' . | xargs -r -n1 dirname | sort -u)

.PHONY: build test race interop lint fuzz

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o postdesk ./cmd/postdesk

test:
	$(GO) test ./...

# The race detector makes the conversations several times slower.
race:
	$(GO) test -race -timeout 30m ./...

# Tests whose program is not installed are skipped with a message.
interop:
	@if [ -z "$(INTEROP)" ]; then echo "no interop tests"; else set -x; $(GO) test -count=1 -timeout 20m -tags interop $(INTEROP); fi

lint:
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt: $$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags interop ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck ./...

# Every fuzz target for FUZZTIME each.
fuzz:
	@set -e; for file in $$(grep -rl --include='*_test.go' '^func Fuzz' . | sort); do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' $$file); do \
			echo "$$file $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$(dirname $$file); \
		done; \
	done
