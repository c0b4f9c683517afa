# One target per task; .venv is made on first use. `make` prints the list.
# docs/design.md, "The Makefile", explains the decisions.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
# So that `make -j4 test-async wait` starts before it waits.
.NOTPARALLEL:

# The Python that makes .venv: the first of these that is new enough.
PYTHON3 ?= python3 python3.15 python3.14 python3.13 python3.12 python3.11
PYTHON := .venv/bin/python
STAMP := .venv/.walkaway-stamp

# Passes ARGS exactly as typed: $(value) does not expand, and no shell sees the text. make would
# export `ARGS` itself expanded, hence the unexport.
export WALKAWAY_ARGS := $(value ARGS)
export WALKAWAY_OPTS := $(value OPTS)
unexport ARGS OPTS

# A word that is no target is meant for pytest. So is an option that make and pytest share, after a
# task that starts pytest. Both are refused here, while make reads this file and nothing has begun.
TARGETS := $(shell sed -n 's/^\.PHONY: \([a-z-]*\) .*/\1/p' Makefile)
STRANGERS := $(filter-out $(TARGETS) $(STAMP),$(MAKECMDGOALS))
ifneq ($(filter test test-async flaky ci,$(MAKECMDGOALS)),)
STRANGERS += $(shell tr '\n\0' ' \n' 2>/dev/null </proc/$$PPID/cmdline | \
	sed -n '/^\(test\|test-async\|flaky\|ci\)$$/,$$ { /^-[dklmnopqrsW]/p; \
	/^--\(debug\|quiet\|trace\)/p; }')
endif
# make would ignore a misspelt ARG='-m slow' and run everything.
STRANGERS += $(foreach name,$(filter ARG Args arg args FLAGS OPT OPTIONS Opts opt opts,\
	$(.VARIABLES)),$(if $(filter command,$(origin $(name))),$(name)))
ifneq ($(strip $(STRANGERS)),)
$(shell $(or $(realpath $(PYTHON)),$(firstword $(PYTHON3))) -I walkaway/tasks/corrected_line.py $$PPID $(TARGETS) >&2)
$(error refused)
endif

.PHONY: help ## this list
help:
	@sed -n 's/^\.PHONY: \([a-z-]*\) ## \(.*\)/  \1\t\2/p' Makefile | expand -t 16
	@echo
	@echo "pytest's arguments:  make test-async ARGS='tests/unit -k \"a or b\"'"
	@echo "a task's own flags:  make progress OPTS='--run 7f3a --json'"
	@echo "make exits 2 whatever failed; scripts that need the true exit code call"
	@echo ".venv/bin/inv TASK (inv --list, inv --help TASK)."

# A stamp file instead of .venv/bin/inv, which an interrupted install can leave behind.
$(STAMP): requirements.txt requirements-test.txt requirements-dev.txt scripts/bootstrap.py
	@for python in $(PYTHON3) $(PYTHON); do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && \
	exec $$python scripts/bootstrap.py; done; exec >&2; \
	echo "walkaway: Python 3.11 or newer is needed; tried: $(PYTHON3)"; \
	echo "Install one (Debian 12: apt-get install python3-venv), or name one:"; \
	echo "make PYTHON3=/path/to/python3.11"; exit 69
# The interpreter is gone, or another version took its place and does not see .venv's packages.
ifeq ($(wildcard .venv/lib/$(notdir $(realpath $(PYTHON)))/site-packages),)
.PHONY: $(STAMP)
endif

# Run

.PHONY: test ## run the tests here; Ctrl-C stops them
.PHONY: test-async ## start the tests, detached; returns at once
.PHONY: progress ## how far the latest run is
.PHONY: status ## the same as progress
.PHONY: wait ## wait for the end and show the verdict
.PHONY: failures ## what failed so far, grouped by cause
.PHONY: results ## tests and their results
.PHONY: log ## what pytest printed
.PHONY: logs ## the same as log
.PHONY: stop ## stop a run
.PHONY: kill ## the same as stop
.PHONY: runs ## recorded runs, newest first

# Environment

.PHONY: build ## build the test image if anything in it changed
.PHONY: up ## start the services and wait until they are healthy
.PHONY: down ## remove all environments of this checkout
.PHONY: health ## each service's health, memory and CPU
.PHONY: service-logs ## the services' logs
.PHONY: shell ## a shell in a test container, or in a service
.PHONY: doctor ## check whether this machine can run the tests

# Upkeep

.PHONY: rotate-logs ## delete old records; OPTS=--dry-run only shows which
.PHONY: compile-deps ## compile requirements*.in to locks with hashes

# Hunt, CI

.PHONY: flaky ## hunt for flaky tests, in random orders
.PHONY: ci ## lint, locks and tests, as CI runs them

# Development

.PHONY: lint ## ruff and mypy --strict
.PHONY: check ## lint and all tests of this repository
.PHONY: check-fast ## lint and the fast half of the tests, in a minute

TASKS := $(filter-out help,$(TARGETS))
$(TASKS): $(STAMP)
	@$(PYTHON) -m walkaway make $@
