#!/bin/sh
# Start the tests in the background and return at once: `inv test-async -- ARGS`.
#
#   scripts/pytest-for-claude.sh [--ci-mode] [PYTEST ARGS]
#
# Arguments reach pytest exactly as typed. --ci-mode: plain output and CI's deadline.
set -eu
cd -- "$(dirname -- "$0")/.."

# Remove --ci-mode from the arguments, wherever it is, and keep the others unchanged.
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

# If an outer make runs this script, its options are not for this make.
MAKEFLAGS='' make -s .venv/.walkaway-stamp
if [ $# -eq 0 ]; then
    exec .venv/bin/python -m invoke test-async
fi
exec .venv/bin/python -m invoke test-async -- "$@"
