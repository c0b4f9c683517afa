# Make targets of walkaway's tasks: `include walkaway.mk` as the last line of a Makefile.
#
#   make test-async ARGS='tests/unit -k "a or b"'     pytest's arguments, exactly as typed
#   make progress OPTS='--run 7f3a --json'            a task's own flags
#
# A target that the Makefile already has stays as it is; the task of that name is then `inv NAME`.
# make exits 2 whatever failed: scripts that need the true exit code call inv.
# Written by `python -m walkaway init --write`. To renew it, delete it and run that again.
#
@TASKS@

# Which Python has walkaway: the project's own, the active environment's, else the one on PATH.
# The first is asked whether it has walkaway only if the second exists too.
WALKAWAY_OWN := $(wildcard .venv/bin/python)
ifeq ($(origin WALKAWAY_PYTHON),undefined)
ifneq ($(and $(WALKAWAY_OWN),$(VIRTUAL_ENV)),)
WALKAWAY_OWN := $(shell $(WALKAWAY_OWN) -c 'import invoke, walkaway' >/dev/null 2>&1 && \
	echo $(WALKAWAY_OWN))
endif
endif
WALKAWAY_PYTHON ?= $(or $(WALKAWAY_OWN),$(if $(VIRTUAL_ENV),"$(VIRTUAL_ENV)/bin/python"),python3)

# Passes ARGS exactly as typed: $(value) does not expand, and no shell sees the text. make would
# export `ARGS` itself expanded, hence the unexport.
export WALKAWAY_ARGS := $(value ARGS)
export WALKAWAY_OPTS := $(value OPTS)
unexport ARGS OPTS

WALKAWAY_FILE := $(lastword $(MAKEFILE_LIST))
WALKAWAY_GOAL := $(.DEFAULT_GOAL)
WALKAWAY_TAKEN := $(shell sed -n 's/^\([A-Za-z0-9][^:=\#]*\):\([^=].*\)*$$/\1/p' \
	$(filter-out $(WALKAWAY_FILE),$(MAKEFILE_LIST)) 2>/dev/null)
WALKAWAY_TASKS := $(filter-out $(WALKAWAY_TAKEN),$(shell sed -n 's/^\#: \([a-z-]*\) .*/\1/p' \
	$(WALKAWAY_FILE)))

# `make test-async -m slow` would run everything, and then fail on a goal named slow.
WALKAWAY_STRANGERS := $(filter-out walkaway-help $(WALKAWAY_TASKS) $(WALKAWAY_TAKEN),$(MAKECMDGOALS))
ifneq ($(filter $(filter @TAKE_ARGS@,$(WALKAWAY_TASKS)),$(MAKECMDGOALS)),)
ifneq ($(WALKAWAY_STRANGERS),)
$(error no target: $(WALKAWAY_STRANGERS). Nothing was started. pytest's arguments go into ARGS: \
	make test-async ARGS='-m slow')
endif
endif

.PHONY: $(WALKAWAY_TASKS) walkaway-help
$(WALKAWAY_TASKS):
	@$(WALKAWAY_PYTHON) -m walkaway make $@

walkaway-help:
	@sed -n 's/^#: /  /p' $(WALKAWAY_FILE)

# Plain `make` does what the Makefile says.
.DEFAULT_GOAL := $(WALKAWAY_GOAL)
