# Every target sets up what it needs; scripts/setup knows what a machine lacks.
.PHONY: run test test-fault lint bench build fmt golden kinds clean

GO      = go
PURE    = CGO_ENABLED=0 $(GO)
LINT    = $(GO) tool golangci-lint
# The race detector watches all but the arithmetic of passwords and keys and the
# width of text, which share nothing and are up to eight times as slow under it.
# A process does not linger for it at its end: a second, of every child of a test.
UNWATCHED = golang.org/x/crypto/blowfish crypto/pbkdf2 \
	$(addprefix crypto/internal/fips140/,pbkdf2 edwards25519/... nistec/... bigmod mlkem) \
	github.com/charmbracelet/x/ansi/... github.com/clipperhouse/...
RACE    = CGO_ENABLED=1 GORACE=atexit_sleep_ms=50 $(GO) test -race $(UNWATCHED:%=-gcflags=%=-race=false) -json
REPORT  = $(GO) run ./scripts/testreport

# The whole book in a fresh practice world. Exit 5 (a person is needed, or has
# detached) is how a look round ends, and no error of make's.
run:
	scripts/setup run
	@$(MAKE) --no-print-directory build
	@bin/runbook deploy users-module -t practice --new || test $$? -eq 5

# Everything, real PostgreSQL and real processes, with the race detector. More
# packages at once than processors: tests wait for each other's processes.
test:
	scripts/setup test
	@$(RACE) -count=1 -p 4 -timeout 5m ./... | $(REPORT)

# The long fault series: tests called TestFault… behind the tag fault.
test-fault:
	scripts/setup test
	@$(RACE) -count=1 -p 5 -parallel 4 -timeout 15m -tags fault -run '^TestFault' ./... | $(REPORT)

lint:
	$(LINT) run
	$(GO) vet ./...
	CGO_ENABLED=0 GOOS=darwin $(GO) vet ./...

# Side by side with what each is held against; see bench/.
bench:
	scripts/setup run
	@$(MAKE) --no-print-directory build
	@$(PURE) run ./bench

# docs/kinds.md and docs/schema, from the comments in the code.
kinds:
	$(GO) run ./scripts/kinds

build:
	$(PURE) build -trimpath -o bin/ ./cmd/runbook

fmt:
	$(LINT) fmt

# Write the expected screens anew, then look at the difference.
golden:
	$(GO) test ./tui -update
	git diff --stat -- tui

clean:
	rm -rf bin
