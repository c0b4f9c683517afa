"""What `init` offers a project: the files it lacks, and what to add to the others. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

TASKS = """\
from walkaway import ns

__all__ = ["ns"]
"""
_TASKS_BESIDE = """\
from walkaway import ns

ns.add_task(mine)  # for every task of your own: Invoke takes only what is in ns
"""
MAKEFILE = """\
.DEFAULT_GOAL := walkaway-help
include walkaway.mk
"""
INCLUDE = "include walkaway.mk"
AGENTS = """\
## Running the tests

Tests run detached and keep a record: a shell call that is cut off loses nothing. `inv` is
`.venv/bin/inv` where it is not on PATH.

- Start: `inv test-async -- PYTEST ARGS`. It returns at once and names the run. An identical run
  that is live is joined, not started twice.
- Watch: `inv progress`. Wait: `inv wait`; exit code 75 means that the run is not over: wait again.
- Ask: `inv failures` (by cause, with the command that runs exactly these tests again), `inv results
  --match TEXT`, `inv log`. All of them are short: no `| tail`, which hides the exit code.
- A run has passed only if `inv wait` exits with 0. A run that seems lost is not: see `inv runs`.
- `inv stop` ends a run and all of its processes.
"""
CLAUDE = """\
@AGENTS.md
"""
"""Claude Code reads only CLAUDE.md; this line makes it read AGENTS.md too."""
_AGENTS_MD, _CLAUDE_MD = "AGENTS.md", "CLAUDE.md"
_NAMES = ("tasks.py", "walkaway.mk", "Makefile", _AGENTS_MD, _CLAUDE_MD)
_ALIASES = {"tasks.py": ("tasks",), "Makefile": ("GNUmakefile", "makefile")}
_TARGETS = re.compile(r"^([A-Za-z0-9][^:=#\n]*):(?!=)", re.MULTILINE)


class FileState(StrEnum):
    """State of an offered file."""

    NEW = "new"
    EXISTS = "exists"
    """It exists and is left alone; what it lacks must be added by hand."""
    READY = "ready"
    """It exists and lacks nothing."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One file. ``text`` is its contents if it is new, otherwise what to add by hand."""

    name: str
    standing: FileState
    text: str = ""
    note: str = ""


def offers(existing: Mapping[str, str], makefile: str, *, linked: bool = False) -> list[Offer]:
    """Return what to do for each file.

    ``existing`` holds the text of each file in the project's root by name, empty if unreadable.
    ``makefile`` is the text of walkaway.mk. ``linked`` means that AGENTS.md and CLAUDE.md are one
    file.
    """
    found = [_offer(name, existing, makefile) for name in _NAMES]
    if linked:
        found[-1] = Offer(_CLAUDE_MD, FileState.READY, note=f"it is the same file as {_AGENTS_MD}")
    return found


def known_names() -> tuple[str, ...]:
    """Return all file names that count as one of the offered files, aliases included."""
    return (*_NAMES, *(alias for aliases in _ALIASES.values() for alias in aliases))


def _offer(name: str, existing: Mapping[str, str], makefile: str) -> Offer:
    found = next((n for n in (*_ALIASES.get(name, ()), name) if n in existing), None)
    if found is None:
        contents = {
            "tasks.py": TASKS, "walkaway.mk": makefile, "Makefile": MAKEFILE, _CLAUDE_MD: CLAUDE,
        }  # fmt: skip
        return Offer(name, FileState.NEW, contents.get(name, AGENTS))
    text = existing[found]
    ready = Offer(found, FileState.READY)
    if name == "tasks.py":
        uses = re.search(r"^\s*(?:from|import) walkaway\b", text, re.MULTILINE)
        return ready if uses else Offer(found, FileState.EXISTS, _TASKS_BESIDE)
    if name == "walkaway.mk":
        note = f"it is from another version; to have it written again, delete it: rm {name}"
        return ready if text == makefile else Offer(found, FileState.EXISTS, note=note)
    if name == "Makefile":
        return _makefile(found, text, makefile)
    if name == _CLAUDE_MD:
        mentioned = re.search(r"(?m)(^|\s)@(\./)?AGENTS\.md\b", text) or "inv test-async" in text
        return ready if mentioned else Offer(found, FileState.EXISTS, CLAUDE)
    return ready if "inv test-async" in text else Offer(found, FileState.EXISTS, AGENTS)


def _makefile(found: str, text: str, makefile: str) -> Offer:
    taken = {word for match in _TARGETS.finditer(text) for word in match[1].split()}
    ours = re.findall(r"^#: ([a-z-]+) ", makefile, re.MULTILINE)
    own = [name for name in ours if name in taken]
    note = f"its own targets stay: {', '.join(own)} (ours: inv {own[0]}, ...)" if own else ""
    if re.search(r"^-?s?include\s.*walkaway\.mk", text, re.MULTILINE):
        return Offer(found, FileState.READY, note=note)
    return Offer(found, FileState.EXISTS, f"{INCLUDE}\n", note)
