#!/bin/sh
# What: Behind a task's name Invoke takes a short flag that the task does not have for one of its own, also where
#   that is too late to mean anything: `inv task -c NAME` runs the task with the collection that was
#   loaded already, and `inv task -l` lists the tasks and runs none, exit 0.
# Versions: invoke 3.0.3, Python 3.11.7
# Seen: `inv show -c nowhere` prints "task ran", exit 0, though `inv -c nowhere show` is "Can't find any collection
#   named 'nowhere'!", exit 1; `inv show -l` prints "Available tasks", exit 0, and the task has not run.
# Date: 2026-11-29
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
${PYTHON:-python3} -m venv venv
venv/bin/pip install -q invoke==3.0.3
inv() { venv/bin/inv "$@" >log 2>&1 && code=0 || code=$?; cat log; }
expect() { "$@" || { echo "changed: $*" >&2; exit 1; }; }

cat >tasks.py <<'END'
from invoke import task

@task
def show(c):
    print("task ran")
END
inv show -c nowhere
expect test "$code" = 0
expect grep -q "task ran" log
inv -c nowhere show
expect test "$code" = 1
expect grep -q "Can't find any collection named 'nowhere'" log
inv show -l
expect test "$code" = 0
expect grep -q "Available tasks" log
expect sh -c '! grep -q "task ran" log'
