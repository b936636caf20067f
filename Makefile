# Everything runs in all modules that go.work joins; see "make help".

SHELL      := /bin/bash -o pipefail
MODULES     = $(shell go list -m -f '{{.Dir}}')
STATICCHECK := -checks=inherit,ST1000,ST1016,ST1020,ST1021,ST1022
FUZZTIME   ?= 30s
COUNT      ?= 10
BENCH      ?=
DIR        ?= .
QUESTION   ?= where are errors ignored, and what would break?

export DIR QUESTION

.PHONY: help run test check lint tools bench benchstat benchonce fuzz pictures

help: ## say what there is
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

run: ## let the team of agents answer a question about a directory (DIR, QUESTION)
	@go run ./examples/team "$$DIR" "$$QUESTION"

test: ## test all modules with the race detector; skipped tests are failures
	@.ci/prepare
	@.ci/test $(MODULES)

check: lint test benchonce ## all that must hold for a commit

lint: tools ## formatting, go vet, go fix, staticcheck, generated code, go mod tidy
	@unformatted=$$(bin/gofumpt -l .) && { [ -z "$$unformatted" ] || { echo "not formatted by gofumpt:"; echo "$$unformatted"; exit 1; }; }
	@for dir in $(MODULES); do \
		echo "lint $$dir"; \
		(cd "$$dir" && go vet ./... && go fix -diff ./... && $(CURDIR)/bin/staticcheck $(STATICCHECK) ./...) || exit 1; \
	done
	@.ci/generated
	@.ci/tidy $(MODULES)

tools: bin/gofumpt bin/staticcheck bin/benchstat bin/gowrap

bin/%: tools/go.mod tools/go.sum
	GOWORK=off go -C tools build -o ../bin/ tool
	@touch bin/*

bench: ## measure wfslog beside its peers, write docs/performance.md, fail if a gate is missed (BENCH: flags)
	go run ./bench -o docs $(BENCH)

benchstat: tools ## run all benchmarks COUNT times, as benchstat reads them
	@for dir in $(MODULES); do (cd "$$dir" && go test -run='^$$' -bench=. -benchmem -count=$(COUNT) ./...) || exit 1; done

benchonce: ## run each benchmark once
	@for dir in $(MODULES); do (cd "$$dir" && go test -run='^$$' -bench=. -benchtime=1x ./... | grep -v 'no test files') || exit 1; done

fuzz: ## run each fuzz target for FUZZTIME
	@.ci/fuzz $(FUZZTIME) $(MODULES)

pictures: ## draw README's pictures anew, of what the programs show
	go build -o bin/ ./examples/picture ./examples/team ./cmd/wfslog
	@logs=$$(mktemp -d) && trap 'rm -r "$$logs"' EXIT && export WFSLOG_DIR="$$logs" && \
	bin/picture -o docs/console.svg -columns 124 -lines 30 -title "The operational log of a team of agents" \
		sh -c 'bin/team examples/team/testdata/sample "$$QUESTION" >/dev/null' && \
	bin/picture -o docs/tree.svg -columns 110 -title "The tree of the same run" bin/wfslog tree
