"""Views of `python -m walkaway init`: what it would write or has written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from walkaway.scaffold.project_files import FileState, Offer
from walkaway.text import many
from walkaway.views.run_json import SCHEMA

_COMMAND = "python -m walkaway init"


def lines(found: Sequence[Offer], root: str, *, written: bool) -> list[str]:
    """Return what is or would be written, what to add by hand, and what to do next."""
    new = [offer.name for offer in found if offer.standing is FileState.NEW]
    missing = [offer for offer in found if offer.standing is FileState.EXISTS]
    if new:
        verb = "wrote" if written else "would write"
        first = f"{verb} {many(len(new), 'file')} in {root}: {', '.join(new)}"
    else:
        left = f", {len(missing)} to complete by hand" if missing else ", and nothing is missing"
        first = f"nothing to write in {root}{left}"
    rows = [first]
    for offer in found:
        rows += _offer(offer, written=written)
    if new and not written:
        return [*rows, f"next: {_COMMAND} --write"]
    return [*rows, "next: inv test-async (or make test-async)"]


def _offer(offer: Offer, *, written: bool) -> list[str]:
    note = f"; {offer.note}" if offer.note else ""
    text = offer.text.splitlines()
    if offer.standing is FileState.NEW:
        return [] if written else ["", f"== {offer.name} (new)", *text]
    if offer.standing is FileState.READY:
        return [f"== {offer.name}: exists, nothing to add{note}"]
    add = ["add by hand:", *text] if text else []
    return ["", f"== {offer.name}: exists, left alone{note}", *add]


def as_json(found: Sequence[Offer], root: str, *, written: bool) -> dict[str, Any]:
    """Return the same as one object."""
    return {
        "walkaway": SCHEMA,
        "root": root,
        "written": written,
        "files": [
            {"name": o.name, "standing": o.standing, "text": o.text, "note": o.note} for o in found
        ],
        "code": 0,
    }
