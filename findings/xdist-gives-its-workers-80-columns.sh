#!/bin/sh
# What: pytest-xdist sets COLUMNS in the environment of its workers. A test that runs a program there, or
#   asks shutil.get_terminal_size, gets a width that neither the terminal nor the caller's environment has;
#   without -n the same test gets the fallback.
# Versions: pytest 9.2.0, pytest-xdist 3.8.0, Python 3.11.7
# Seen: COLUMNS unset, output in a pipe, a fallback of 123 columns asked for: 123 without -n, 80 with -n 1.
# Date: 2026-11-29
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
${PYTHON:-python3} -m venv venv
venv/bin/pip install -q pytest==9.2.0 pytest-xdist==3.8.0
unset COLUMNS
pytest() { venv/bin/python -m pytest -p no:cacheprovider "$@" >log 2>&1 </dev/null && code=0 || code=$?; cat log; }
expect() { "$@" || { echo "changed: $*" >&2; exit 1; }; }

cat >test_it.py <<'END'
import os
import pathlib
import shutil

def test_width():
    size = shutil.get_terminal_size((123, 24))
    pathlib.Path("width").write_text(f"{os.environ.get('COLUMNS')} {size.columns}\n")
END
pytest
expect test "$code" = 0
cat width
expect test "$(cat width)" = "None 123"
pytest -n 1
expect test "$code" = 0
cat width
expect test "$(cat width)" = "80 80"
