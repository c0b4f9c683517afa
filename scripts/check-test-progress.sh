#!/bin/sh
# How far are the tests? `inv progress`, or with --wait `inv wait`, to the end.
#
#   scripts/check-test-progress.sh [--wait] [FLAGS OF THE TASK]
#
# A look exits 0 when it could answer; --wait exits with the verdict's code.
set -eu
cd -- "$(dirname -- "$0")/.."

wait=
count=$#
while [ "$count" -gt 0 ]; do
    if [ "$1" = --wait ]; then
        wait=yes
    else
        set -- "$@" "$1"
    fi
    shift
    count=$((count - 1))
done

# Options of a make that this may run under are not for this one.
MAKEFLAGS='' make -s .venv/.walkaway-stamp
if [ -n "$wait" ]; then
    # A day: the run's own deadline ends the wait before that.
    exec .venv/bin/python -m invoke wait --timeout 86400 "$@"
fi
exec .venv/bin/python -m invoke progress "$@"
