GO ?= go
FUZZTIME ?= 10s
FUZZ ?= .

# Packages with tests that need Debian's programs (Postfix, swaks, rspamd, ...).
INTEROP = $(shell grep -rl --include='*_test.go' '^//go:build.*interop' . | xargs -r -n1 dirname | sort -u)

# Packages whose tests have a long form.
TORTURE = $(shell grep -rl --include='*_test.go' '^//go:build.*torture' . | xargs -r -n1 dirname | sort -u)

.PHONY: build test race torture interop lint fuzz

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o postdesk ./cmd/postdesk

test:
	$(GO) test ./...

# The race detector makes the conversations several times slower.
race:
	$(GO) test -race -timeout 30m ./...

# The long forms: every fault at every call, a hundred thousand sessions, ... Less than an hour on two cores; see docs/torture.md.
torture:
	GOGC=400 $(GO) test -count=1 -p 1 -timeout 2h -tags torture $(TORTURE)

# Tests whose program is not installed are skipped with a message.
interop:
	@if [ -z "$(INTEROP)" ]; then echo "no interop tests"; else set -x; $(GO) test -count=1 -timeout 20m -tags interop $(INTEROP); fi

lint:
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt: $$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags interop ./...
	$(GO) vet -tags torture ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck ./...

# Every fuzz target for FUZZTIME each (make fuzz FUZZTIME=10m), or those that FUZZ names (FUZZ='Parse|Header'). A finding is kept in
# testdata/fuzz of its package, where go test runs it from then on; the others go on.
fuzz:
	@found=; for file in $$(grep -rl --include='*_test.go' '^func Fuzz' . | sort); do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' $$file | grep -E '$(FUZZ)'); do \
			echo "$$file $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$(dirname $$file) || found="$$found $$target"; \
		done; \
	done; if [ -n "$$found" ]; then echo "findings of$$found are kept in testdata/fuzz"; exit 1; fi
