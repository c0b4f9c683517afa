"""JUnit XML made from the events, so it exists after a crash too; lost tests count as errors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from walkaway.model import standing
from walkaway.model.events import Event, text
from walkaway.model.ledger import Ledger, Row
from walkaway.model.run import Run
from walkaway.model.vocabulary import Outcome, Result

# Characters that XML 1.0 cannot represent, escaped or not.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SKIPS = {
    Result.SKIPPED: "skip",
    Result.XFAILED: "xfail",
    Result.NOT_RUN: "not-run",
    Result.NO_RESULT: "no-result",
    Result.UNKNOWN: "unknown",
}
"""Results reported as skipped, with their type: pytest's own, or ours."""
_ERRORS = frozenset({Result.ERROR, Result.CRASHED, Result.LOST})
_UNSAID = {Result.XFAILED: "", Result.UNKNOWN: "its result could not be stored"}
"""The message when there is no reason; for other results it is the result's own word."""


def render(
    run: Run,
    names: Sequence[str],
    book: Ledger,
    failures: Sequence[Event],
    ended: Outcome,
) -> bytes:
    """Return a run's XML: one testcase per report, collection error or module skipped as a whole.

    ``ended`` decides how tests without a result are reported.
    """
    suite = ET.Element("testsuite", name="pytest")
    counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    total = 0.0
    for index, (nodeid, row) in enumerate(zip(names, book.rows, strict=False)):
        if not row.owed and not row.results:
            continue
        for word, one in standing.entries(index, book, ended):
            result = Result(word)
            total += one.total_s
            counts["tests"] += 1
            _fill(_case(suite, nodeid, one.total_s), one, result, failures)
            counts["failures"] += result is Result.FAILED
            counts["errors"] += result in _ERRORS
            counts["skipped"] += result in _SKIPS
    for nodeid, reason in book.skipped_whole.items():
        counts["tests"] += 1
        counts["skipped"] += 1
        _skipped(_case(suite, nodeid, 0.0), "skip", reason or "collection skipped")
    for event in failures:
        if text(event, "w") == "collect":
            counts["tests"] += 1
            counts["errors"] += 1
            case = _case(suite, text(event, "id", "?"), 0.0)
            _problem(case, "error", text(event, "msg"), text(event, "text"))
    for name, count in counts.items():
        suite.set(name, str(count))
    suite.set("time", f"{total:.3f}")
    suite.set("timestamp", datetime.fromtimestamp(run.created_s, UTC).isoformat())
    suite.set("hostname", _clean(run.host.split(" ")[0]))
    root = ET.Element("testsuites", name="pytest tests")
    root.append(suite)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _case(suite: ET.Element, nodeid: str, seconds: float) -> ET.Element:
    """Split a node id the way pytest's own report does: path and classes, then name."""
    bracket = nodeid.find("[")
    stem = nodeid if bracket < 0 else nodeid[:bracket]
    parts = stem.split("::")
    path = parts[0].removesuffix(".py").replace("/", ".")
    parts[0] = path  # a path alone is a module that could not be collected
    name = parts[-1] + ("" if bracket < 0 else nodeid[bracket:])
    classname = ".".join([path, *parts[1:-1]]) if len(parts) > 1 else ""
    return ET.SubElement(
        suite, "testcase", classname=_clean(classname), name=_clean(name), time=f"{seconds:.3f}"
    )


def _fill(case: ET.Element, row: Row, result: str, failures: Sequence[Event]) -> None:
    failure = None
    if row.failure is not None:
        failure = failures[row.failure] if row.failure < len(failures) else None
    message, body = text(failure, "msg"), text(failure, "text")
    if result == Result.FAILED:
        _problem(case, "failure", message, body)
    elif result == Result.LOST:
        _problem(case, "error", "collected but never reported", "")
    elif result in _ERRORS:
        _problem(case, "error", message or result, body)
    elif result in _SKIPS:
        # As in pytest's report, an xfail without a reason has an empty message.
        _skipped(case, _SKIPS[Result(result)], row.reason or _UNSAID.get(Result(result), result))
    for section in failure.get("out") or [] if failure else []:
        if isinstance(section, list) and len(section) == 2:  # noqa: PLR2004 - title, text
            tag = "system-err" if "stderr" in str(section[0]) else "system-out"
            ET.SubElement(case, tag).text = _clean(str(section[1]))


def _problem(case: ET.Element, tag: str, message: str, body: str) -> None:
    element = ET.SubElement(case, tag, message=_clean(message))
    element.text = _clean(body)


def _skipped(case: ET.Element, kind: str, message: str) -> None:
    ET.SubElement(case, "skipped", type=f"pytest.{kind}", message=_clean(message))


def _clean(value: str) -> str:
    """Replace each character that XML cannot represent with `#x1B` style text."""
    return _ILLEGAL.sub(lambda found: f"#x{ord(found[0]):02X}", value)
