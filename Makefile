# Every target sets up what it needs; scripts/setup knows what a machine lacks.
.PHONY: run test test-fault lint bench build fmt golden kinds clean

GO      = go
PURE    = CGO_ENABLED=0 $(GO)
LINT    = $(GO) tool golangci-lint
# The race detector watches all but the rounds of bcrypt, which share nothing and
# are eight times as slow under it.
RACE    = CGO_ENABLED=1 $(GO) test -race -gcflags=golang.org/x/crypto/blowfish=-race=false -json
REPORT  = $(GO) run ./scripts/testreport

# The whole book in a fresh practice world. Exit 5 (a person is needed, or has
# detached) is how a look round ends, and no error of make's.
run:
	scripts/setup run
	@$(MAKE) --no-print-directory build
	@bin/runbook deploy users-module -t practice --new || test $$? -eq 5

# Everything, real PostgreSQL and real processes, with the race detector.
test:
	scripts/setup test
	@$(RACE) -count=1 -timeout 5m ./... | $(REPORT)

# The long fault series: tests called TestFault… behind the tag fault.
test-fault:
	scripts/setup test
	@$(RACE) -count=1 -timeout 15m -tags fault -run '^TestFault' ./... | $(REPORT)

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
