"""Inspect a project's root and write the files it lacks. Never writes to an existing file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from walkaway.errors import WalkawayError
from walkaway.model import exit_codes
from walkaway.scaffold.project_files import FileState, Offer, known_names, offers

_READ_CHARS = 1 << 20


@dataclass(frozen=True, slots=True)
class Targets:
    """The targets of walkaway.mk: help text by name, and which of them take pytest's arguments."""

    help: Mapping[str, str]
    take_args: frozenset[str]


def walkaway_mk(targets: Targets) -> str:
    """Return the text of walkaway.mk. Its template is beside this module, in a wheel too."""
    frame = Path(__file__).with_name("walkaway.mk").read_text(encoding="utf-8")
    wide = max(map(len, targets.help))
    tasks = [f"#: {name:{wide}}  {text}" for name, text in targets.help.items()]
    frame = frame.replace("@TASKS@", "\n".join(tasks))
    return frame.replace("@TAKE_ARGS@", " ".join(sorted(targets.take_args)))


def look(root: Path, targets: Targets) -> list[Offer]:
    """Return what `init` would do in a root."""
    existing = {}
    for name in known_names():
        path = root / name
        if path.is_symlink() or path.exists():
            existing[name] = _text(path)
    paths = {os.path.realpath(root / name) for name in ("AGENTS.md", "CLAUDE.md")}
    linked = "CLAUDE.md" in existing and len(paths) == 1
    return offers(existing, walkaway_mk(targets), linked=linked)


def write(root: Path, found: list[Offer]) -> list[Offer]:
    """Write the new files and return the resulting offers.

    `WalkawayError` 73 when a file cannot be written. A file that has appeared meanwhile is left
    alone.
    """
    return [_written(root, offer) if offer.standing is FileState.NEW else offer for offer in found]


def _written(root: Path, offer: Offer) -> Offer:
    path = root / offer.name
    try:
        with path.open("x", encoding="utf-8") as file:
            try:
                file.write(offer.text)
                file.flush()
            except BaseException:
                path.unlink()
                raise
    except FileExistsError:
        return replace(offer, standing=FileState.EXISTS)
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}.\nFix that, then try again."
        raise WalkawayError(message, exit_codes.CANNOT_RECORD) from error
    return offer


def _text(path: Path) -> str:
    with contextlib.suppress(OSError):
        if path.is_file():
            with path.open(encoding="utf-8", errors="replace") as file:
                return file.read(_READ_CHARS)
        return (path / "__init__.py").read_text(encoding="utf-8", errors="replace")
    return ""
