"""The texts of a failure: its type, message, place, short traceback and cause.

Pure: takes pytest's failure representations, returns bounded strings. Calls no function
of `os`: a test may have replaced them by a fake file system.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Iterable, NamedTuple

from walkaway_recorder.originals import keep_builtins

if TYPE_CHECKING:
    from walkaway_recorder.guard import Foreign

keep_builtins(globals())

MESSAGE_CHARS = 2000
TEXT_CHARS = 8000
OUTPUT_CHARS = 4000

_NOT_OURS = re.compile(
    r"(?:^|/)(?:site-packages|dist-packages|\.?venv|\.tox|\.nox|lib/python\d[^/]*)/"
)
_TYPED = re.compile(r"([A-Za-z_][\w.]*)(?:: ?(.*)|\s*)\Z", re.DOTALL)
_DEF = re.compile(r"\bdef\s+(\w+)")
_NATIVE = re.compile(r'File "([^"\n]+)", line (\d+), in (\S+)')
_SHORT = re.compile(r"^(\S.*?):(\d+): in (\S+)$", re.MULTILINE)
_FIXTURE_OF = re.compile(r"^file (.+), line (\d+)$", re.MULTILINE)
#: pytest-timeout's output: a heading per thread, its frames, and a line before and after all.
_STACK = re.compile(r"^(~{3,} Stack of .+ \(\d+\) ~{3,}\n)", re.MULTILINE)
_FRAMES = re.compile(r"(?:  .*\n?)*")
_TIMEOUT = re.compile(r"^\+{3,} Timeout \+{3,}\n?", re.MULTILINE)
_MASKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE), "HEX"),
    (re.compile(r"0x[0-9a-f]+", re.IGNORECASE), "0x…"),
    (re.compile(r"(?<![\w/.:])(?:/[^\s/'\",:;()\[\]<>]+){2,}/?"), "PATH"),
    (re.compile(r"\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}\b", re.IGNORECASE), "HEX"),
    (re.compile(r"\d+(?:\.\d+)?(?!x…)"), "N"),
)


class Frame(NamedTuple):
    """One place in a traceback; `path` as pytest gave it, `name` may be empty."""

    path: str
    line: int
    name: str


NOWHERE = Frame("", 0, "")


class Failure(NamedTuple):
    """The short facts about a failure; `at` is `path:line in name`."""

    type: str
    message: str
    at: str
    #: The key that is equal for failures with one cause.
    cause: tuple[str, str, str]


def read(
    longrepr: Foreign, root: str, cwd: str, place: Frame = NOWHERE, nodeid: str = ""
) -> Failure:
    """Return the facts about a failure from a report's `longrepr` of any kind.

    `root` is pytest's rootdir and `cwd` its starting folder, both absolute. `place` is used
    where the representation names no frame, or only one in a plugin that failed the test
    without a traceback. The test's own `nodeid` in a message does not make a separate cause.
    """
    frames = list(_frames(longrepr))
    crash = getattr(longrepr, "reprcrash", None)
    summary = _summary(longrepr)
    kind, message = split_type(summary)
    raised = place
    if frames:
        raised = place = _place(frames, root, cwd)
    elif crash is not None:
        raised = _place([Frame(str(crash.path), int(crash.lineno or 0), "")], root, cwd)
        if place == NOWHERE or _is_own(raised.path):
            place = raised
    at = f"{place.path}:{place.line}" if place.line else place.path
    if place.name:
        at += f" in {place.name}"
    first = message.lstrip().split("\n", 1)[0][:300]
    if nodeid:
        first = first.replace(nodeid, "ID")
    cause = (kind, mask(first), f"{raised.path} in {raised.name}")
    return Failure(kind, message[:MESSAGE_CHARS], at, cause)


def split_type(summary: str) -> tuple[str, str]:
    """Split `ValueError: no` into type and message; assertions are shown without a type."""
    if summary.startswith("assert "):
        return "AssertionError", summary
    if summary.startswith("[XPASS(strict)]"):
        return "XPASS(strict)", summary[len("[XPASS(strict)]") :].strip()
    head, newline, rest = summary.partition("\n")
    if head.startswith("fixture '") and head.endswith("' not found"):
        return "FixtureLookupError", summary
    match = _TYPED.match(head)
    if match is None or (match.group(2) is None and not _is_exception_name(match.group(1))):
        return "", summary
    return match.group(1), (match.group(2) or "") + newline + rest


def _is_exception_name(word: str) -> bool:
    return word[:1].isupper() or "." in word or word.endswith(("Error", "Exception"))


def mask(text: str) -> str:
    """Replace what differs between failures with one cause: ids, addresses, paths, numbers."""
    for pattern, instead in _MASKS:
        text = pattern.sub(instead, text)
    return text


def shorten(text: str, limit: int) -> str:
    """Cut out the middle of `text` beyond `limit` characters and say so in its place."""
    if len(text) <= limit:
        return text
    note = f"\n... {len(text) - limit} characters left out ...\n"
    head = limit // 3
    return text[:head] + note + text[len(text) - (limit - head) :]


def short_traceback(longrepr: Foreign) -> str:
    """Return the places, failing lines and error lines, about 8 KB at most."""
    parts: list[str] = []
    for traceback, note in _chain(longrepr):
        entries = getattr(traceback, "reprentries", None) or []
        lines = [line for entry in entries for line in _entry_lines(entry)]
        if not lines:
            return shorten(_whole(longrepr), TEXT_CHARS)
        parts.extend(lines)
        if note:
            parts.extend(["", str(note), ""])
    return shorten("\n".join(parts) if parts else _whole(longrepr), TEXT_CHARS)


def outputs(sections: Iterable[tuple[str, str]], root: str = "") -> list[list[str]]:
    """Return captured output as [heading, text], each text about 4 KB at most.

    Leaves out the stacks that pytest-timeout prints for threads outside the project, such as those
    of xdist and other plugins. The failing test's own stack is in its traceback.
    """
    found = ((str(name), without_foreign_stacks(str(text), root)) for name, text in sections)
    return [[name, shorten(text, OUTPUT_CHARS)] for name, text in found if text]


def without_foreign_stacks(text: str, root: str) -> str:
    """Remove the stacks of threads without a frame in a file of the project, below `root`."""
    if "~ Stack of " not in text:
        return text
    inside = root.rstrip("/") + "/"
    parts = _STACK.split(text)  # the text before, then heading, stack with what follows, ...
    kept = [parts[0]]
    stacks = False
    for heading, rest in zip(parts[1::2], parts[2::2]):
        frames = _FRAMES.match(rest)
        stack = frames.group() if frames is not None else ""
        paths = (match.group(1) for match in _NATIVE.finditer(stack))
        own = any(path.startswith(inside) and not _NOT_OURS.search(path) for path in paths)
        stacks = stacks or own
        kept.append((heading + stack if own else "") + rest[len(stack) :])
    left = "".join(kept)
    return left if stacks else _TIMEOUT.sub("", left)


def _entry_lines(entry: Foreign) -> list[str]:
    lines = [str(line).rstrip("\n") for line in getattr(entry, "lines", ())]
    location = getattr(entry, "reprfileloc", None)
    if location is None:
        return lines
    name = _name(entry, location)
    head = f"{location.path}:{location.lineno}:" + (f" in {name}" if name else "")
    if getattr(entry, "style", "short") == "long":
        lines = [
            "    " + line[1:].strip() if line.startswith(">") else line
            for line in lines
            if line.startswith((">", "E"))
        ]
    return [head, *lines]


def _chain(longrepr: Foreign) -> list[tuple[Foreign, str | None]]:
    chain = getattr(longrepr, "chain", None)
    if chain:
        return [(element[0], element[2]) for element in chain]
    traceback = getattr(longrepr, "reprtraceback", None)
    return [(traceback, None)] if traceback is not None else []


def _frames(longrepr: Foreign) -> Iterable[Frame]:
    chain = _chain(longrepr)
    entries = getattr(chain[-1][0], "reprentries", None) or [] if chain else []
    found = False
    for entry in entries:
        location = getattr(entry, "reprfileloc", None)
        if location is not None:
            found = True
            yield Frame(str(location.path), int(location.lineno or 0), _name(entry, location))
    if found:
        return
    text = _whole(longrepr) if not chain or entries else ""
    for match in list(_NATIVE.finditer(text)) or _SHORT.finditer(text):
        found = True
        yield Frame(match.group(1), int(match.group(2)), match.group(3))
    if not found and getattr(longrepr, "reprcrash", None) is None:
        for match in _FIXTURE_OF.finditer(text):  # the test whose fixture was not found
            yield Frame(match.group(1), int(match.group(2)), "")


def _name(entry: Foreign, location: Foreign) -> str:
    message = str(getattr(location, "message", "") or "")
    if message.startswith("in "):
        return message[3:]
    for line in getattr(entry, "lines", ()):
        match = _DEF.search(line)
        if match:
            return match.group(1)
    return ""


def _place(frames: list[Frame], root: str, cwd: str) -> Frame:
    """Return the deepest frame in the project's code, else the deepest frame."""
    last = NOWHERE
    inside = root.rstrip("/") + "/"
    for path, line, name in reversed(frames):
        whole = path if path.startswith("/") else _join(cwd, path)
        own = whole.startswith(inside)
        here = Frame(whole[len(inside) :] if own else whole, line, name)
        if _is_own(here.path):
            return here
        if not last.path:
            last = here
    return last


def _is_own(path: str) -> bool:
    """Return whether a path is in the project's code; paths below the rootdir are relative."""
    return not path.startswith("/") and not _NOT_OURS.search(path)


def _join(folder: str, path: str) -> str:
    while path.startswith("../"):
        folder, path = folder.rsplit("/", 1)[0], path[3:]
    return f"{folder}/{path}"


def _summary(longrepr: Foreign) -> str:
    crash = getattr(longrepr, "reprcrash", None)
    if crash is not None:
        return str(crash.message)
    if hasattr(longrepr, "errorstring"):
        return str(longrepr.errorstring).strip()
    text = _whole(longrepr)
    lines = text.split("\n")
    block: list[str] = []
    for line in reversed(lines):  # the last block of error lines
        if line.startswith("E  "):
            block.append(line[1:].strip())
        elif block:
            break
    return "\n".join(reversed(block)) or text.strip()


def _whole(longrepr: Foreign) -> str:
    if longrepr is None:
        return ""
    try:
        return str(longrepr)
    except Exception as error:  # a broken __repr__ of the tested project
        return f"<unprintable: {type(error).__name__}>"
