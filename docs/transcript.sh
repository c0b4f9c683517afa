#!/bin/sh
# Makes the transcript in README.md again: anyio's own suite, as its source distribution ships it,
# started by an agent in a scratch repository that has only a three-line tasks.py beside it.
# Needs a package index and about five minutes. Usage: docs/transcript.sh >transcript.txt
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
locks=$here/tests/walkaway/soak
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip -q install --require-hashes -r "$locks/requirements.txt" >&2
venv/bin/pip -q download --no-deps --no-binary anyio anyio==4.16.0 >&2
tar xzf anyio-4.16.0.tar.gz --no-same-owner
mv anyio-4.16.0 anyio
mv venv anyio/.venv
cd anyio
.venv/bin/python -m pip -q install "$here" . >&2
printf 'from walkaway import ns\n\n__all__ = ["ns"]\n' >tasks.py
printf '.venv/\n__pycache__/\n*.egg-info/\n/build/\n' >.gitignore
git init -q .
git add .
git -c user.name=Somebody -c user.email=somebody@example.org commit -q -m 'anyio 4.16.0'

# As an agent's shell is: no terminal, and a variable that names the agent.
export AI_AGENT=1
inv() { printf '\n$ inv %s\n' "$*"; .venv/bin/python -m invoke "$@" 2>&1 </dev/null | cat; }

inv test-async --workers 2
until .venv/bin/python -m invoke progress --json | grep -q '"failed": [1-9]'; do sleep 2; done
inv progress
until .venv/bin/python -m invoke wait >/dev/null; [ $? -ne 75 ]; do :; done
inv wait
inv failures
