"""The rules of .dockerignore: which paths of a build context are sent to the engine.

Follows moby's patternmatcher: patterns are anchored at the context's root, the last match wins, and
a pattern that matches a folder matches everything in it.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

_LITERALLY = frozenset(".+()|{}$^")
"""Characters that are special to `re` but literal in a pattern."""
_GLOB = re.compile(r"[*?\[\\]")


@dataclass(frozen=True, slots=True)
class Rule:
    """One line: a pattern, and whether it brings back what an earlier one excluded (`!`)."""

    pattern: str
    exception: bool
    expression: re.Pattern[str] | None
    """None for an invalid pattern: the engine will refuse it, and here it matches nothing."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one file, in order."""

    rules: tuple[Rule, ...] = ()

    def last_match(self, path: str, inherited: int) -> int:
        """Return the index of the last rule that matches a path, -1 for none.

        ``inherited`` is the index for the path's folder, whose rule applies to the path, too.
        Earlier rules cannot change anything, so they are not tried.
        """
        for index in range(len(self.rules) - 1, inherited, -1):
            expression = self.rules[index].expression
            if expression is not None and expression.match(path):
                return index
        return inherited

    def excludes(self, index: int) -> bool:
        """Return whether the rule at ``index`` excludes what it matches."""
        return index >= 0 and not self.rules[index].exception

    def may_return(self, folder: str, index: int) -> bool:
        """Return whether a later rule may bring back something below an excluded folder."""
        return any(
            _reaches(rule.pattern, folder) for rule in self.rules[index + 1 :] if rule.exception
        )


def parse(text: str) -> Rules:
    """Parse the lines of a .dockerignore."""
    found = []
    for raw in text.removeprefix("\ufeff").splitlines():
        if raw.startswith("#"):
            continue
        line = raw.strip()
        exception = line.startswith("!")
        pattern = line[exception:].strip()
        if not pattern:
            continue
        pattern = posixpath.normpath(pattern)
        pattern = pattern.lstrip("/") or pattern
        found.append(Rule(pattern, exception, _compiled(pattern)))
    return Rules(tuple(found))


def _reaches(pattern: str, folder: str) -> bool:
    """Return whether a pattern may match something below a folder."""
    special = _GLOB.search(pattern)
    if special is None:
        return f"{pattern}/".startswith(f"{folder}/")
    # The pattern is literal up to its first glob character: `a/b*` reaches below `a` and below
    # `a/bc`.
    head = pattern[: special.start()]
    below = f"{folder}/"
    return head.startswith(below) or below.startswith(head)


def _compiled(pattern: str) -> re.Pattern[str] | None:
    if pattern.startswith("**") and not _GLOB.search(pattern[2:]) and pattern[2:]:
        # Only a literal follows the stars: matches any path that ends with it.
        literal = pattern[2:]
        whole = re.escape(literal.removeprefix("/"))
        head = "(?:.*/)?" if literal.startswith("/") else ".*"
        return re.compile(f"{head}{whole}\\Z", re.DOTALL)
    parts = []
    rest = pattern
    while rest:
        part, rest = _translated(rest)
        parts.append(part)
    try:
        return re.compile("".join(parts) + r"\Z", re.DOTALL)
    except re.error:
        return None


def _translated(rest: str) -> tuple[str, str]:
    """Return the expression for a pattern's first piece, and the rest of the pattern."""
    char, after = rest[0], rest[1:]
    if rest.startswith("**"):
        after = rest[2:].removeprefix("/")
        return ("(?:.*/)?" if after else ".*"), after
    if char == "*":
        return "[^/]*", after
    if char == "?":
        return "[^/]", after
    if char == "\\" and after:
        return re.escape(after[0]), after[1:]
    if char == "[":
        return _set(rest)
    return (f"\\{char}" if char in _LITERALLY or char == "\\" else char), after


def _set(rest: str) -> tuple[str, str]:
    """Translate `[a-c]` and `[^a-c]`. An unclosed set makes the whole pattern invalid."""
    end = rest.find("]", 2)
    if end < 0:
        return "[", ""
    inside = rest[1:end].replace("[", "\\[")
    return f"[{inside}]", rest[end + 1 :]
