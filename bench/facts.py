"""Which tests of an earlier commit are gone, and where what they proved is proven now.

    python bench/facts.py 73eba89

Compares the test functions of that commit's `tests/` with those of the working tree. A function
that is not there under its path and name must have a line in facts_moved.txt: `old -> new`, or
`old -> new, new`. Exits with 1 when one has none, or a line names a test that is not there.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MOVED = Path(__file__).with_name("facts_moved.txt")


def functions(path: str, source: str) -> Iterator[str]:
    """Yield `path::[Class::]test_name` of a module's test functions."""
    for node in ast.parse(source).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{path}::{node.name}::" if isinstance(node, ast.ClassDef) else f"{path}::"
        for one in inner:
            if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and one.name[:5] == "test_":
                yield prefix + one.name


def at_commit(commit: str) -> set[str]:
    """Return the test functions of a commit."""
    found: set[str] = set()
    for path in _git("ls-tree", "-r", "--name-only", commit, "tests").splitlines():
        if Path(path).match("test_*.py"):
            found.update(functions(path, _git("show", f"{commit}:{path}")))
    return found


def of_now() -> set[str]:
    """Return the test functions of the working tree."""
    found: set[str] = set()
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        name = path.relative_to(ROOT).as_posix()
        found.update(functions(name, path.read_text(encoding="utf-8")))
    return found


def moved() -> dict[str, list[str]]:
    """Return the new tests by old test, as facts_moved.txt has them."""
    table: dict[str, list[str]] = {}
    for line in MOVED.read_text(encoding="utf-8").splitlines():
        old, arrow, new = line.partition(" -> ")
        if arrow and not line.startswith("#"):
            table[old.strip()] = [one.strip() for one in new.split(",")]
    return table


def _git(*words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=ROOT, check=True, capture_output=True, encoding="utf-8"
    )
    return done.stdout


def main(commit: str) -> int:
    """Print what is gone without a word, and what was moved to nowhere; return the exit code."""
    before, now, table = at_commit(commit), of_now(), moved()
    gone = sorted(one for one in before - now if one not in table)
    nowhere = sorted({new for old in before - now for new in table.get(old, ()) if new not in now})
    for one in gone:
        print(f"gone        {one}")
    for one in nowhere:
        print(f"not there   {one}")
    kept = len(before & now)
    moved_on = len(before) - kept - len(gone)
    print(f"{len(before)} at {commit}: {kept} the same, {moved_on} moved, {len(gone)} gone")
    return 1 if gone or nowhere else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
