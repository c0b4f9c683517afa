#!/usr/bin/env bash
# Makes the transcript in README.md again: a suite of 40 tests that takes some seconds, in a project of
# its own. Needs .venv (make). Usage: docs/transcript.sh
set -euo pipefail
checkout=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf -- "$folder"' EXIT
export PYTHONPATH="$checkout" COLUMNS=100
unset CI
PATH="$checkout/.venv/bin:$PATH"
cd -- "$folder"

mkdir tests
cat >tests/test_shop.py <<'PY'
import time

import pytest


@pytest.mark.parametrize("order", range(40))
def test_checkout(order):
    time.sleep(0.2)
    assert order != 17, f"order {order} was charged twice"
PY

show() {
    printf '\n$ %s\n' "$*"
    "$@" || true
}
python -m walkaway init --write >/dev/null
show inv test-async
sleep 4
show inv progress
show inv wait
show inv failures
