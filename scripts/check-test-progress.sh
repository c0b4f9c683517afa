#!/bin/sh
# Show how far the tests are: `inv progress`, or with --wait `inv wait` until they end.
#
#   scripts/check-test-progress.sh [--wait] [FLAGS OF THE TASK]
#
# Without --wait the exit code is 0 if progress could be shown; with --wait it is the verdict's.
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

# If an outer make runs this script, its options are not for this make.
MAKEFLAGS='' make -s .venv/.walkaway-stamp
if [ -n "$wait" ]; then
    # One day; the run's own deadline ends the wait before that.
    exec .venv/bin/python -m invoke wait --timeout 86400 "$@"
fi
exec .venv/bin/python -m invoke progress "$@"
