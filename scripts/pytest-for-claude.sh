#!/bin/sh
# Start the tests in the background and give the prompt back at once: `inv test-async -- ARGS`.
#
#   scripts/pytest-for-claude.sh [--ci-mode] [PYTEST ARGS]
#
# Arguments reach pytest as typed. --ci-mode: plain output and the deadline of CI.
set -eu
cd -- "$(dirname -- "$0")/.."

# Take --ci-mode out of the arguments, wherever it stands, and leave the others as they are.
count=$#
while [ "$count" -gt 0 ]; do
    if [ "$1" = --ci-mode ]; then
        export CI=true
    else
        set -- "$@" "$1"
    fi
    shift
    count=$((count - 1))
done

# Options of a make that this may run under are not for this one.
MAKEFLAGS='' make -s .venv/.walkaway-stamp
if [ $# -eq 0 ]; then
    exec .venv/bin/python -m invoke test-async
fi
exec .venv/bin/python -m invoke test-async -- "$@"
