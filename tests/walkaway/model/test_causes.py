"""Failures are grouped by cause, with numbers that do not change while the run goes on."""

from __future__ import annotations

from walkaway.model import causes
from walkaway.model.events import Event


def entry(nodeid: str, cause: int, **keys: object) -> Event:
    base: Event = {"e": "x", "id": nodeid, "r": "failed", "w": "call", "cause": cause}
    base |= {"type": f"Error{cause}", "msg": f"message {cause}", "at": f"app/m{cause}.py:3 in f"}
    return base | keys


def test_the_cause_that_broke_most_comes_first_under_its_own_number() -> None:
    found = causes.group([entry("a", 0), entry("b", 1), entry("c", 1)])
    assert [(cause.number, cause.count, cause.ids) for cause in found] == [
        (2, 2, ("b", "c")),
        (1, 1, ("a",)),
    ]


def test_numbers_stay_when_more_failures_come() -> None:
    entries = [entry(f"t{n}", n % 3) for n in range(9)]
    for known in range(1, 9):
        before = {cause.at: cause.number for cause in causes.group(entries[:known])}
        after = {cause.at: cause.number for cause in causes.group(entries)}
        assert before.items() <= after.items()


def test_a_second_pass_that_counts_from_0_again_is_not_mixed_with_the_first() -> None:
    first = [entry("a", 0), entry("b", 1)]
    second = [entry("c", 0, type="Other", at="app/other.py:9 in g"), entry("d", 1)]
    found = {cause.number: cause.ids for cause in causes.group(first + second)}
    assert found == {1: ("a",), 2: ("b", "d"), 3: ("c",)}


def test_a_moved_line_number_is_the_same_cause() -> None:
    found = causes.group([entry("a", 0), entry("b", 0, at="app/m0.py:77 in f")])
    assert [cause.ids for cause in found] == [("a", "b")]
    assert found[0].at == "app/m0.py:3 in f"


def test_several_failures_of_one_test_count_each_and_name_it_once() -> None:
    (cause,) = causes.group([entry("a", 0, r="subfailed"), entry("a", 0, r="subfailed")])
    assert (cause.count, cause.ids, cause.results) == (2, ("a",), (("subfailed", 2),))


def test_only_newer_failures_are_counted_and_their_text_may_be_older() -> None:
    out = [["Captured stdout call", "hello"]]
    entries = [entry("a", 0, text="frames", out=out), entry("b", 1), entry("c", 0)]
    (cause,) = causes.group(entries, since=2)
    assert (cause.ids, cause.count, cause.earlier, cause.text) == (("c",), 1, 1, "frames")
    assert cause.out == (("Captured stdout call", "hello"),)


def test_torn_and_foreign_entries_do_no_harm() -> None:
    strange: list[Event] = [
        {"e": "x"},
        {"e": "x", "cause": "seven", "out": "no list", "id": 5, "at": None},
        {"e": "x", "out": [["only a heading"], "no row", [1, 2]], "text": "t"},
        {"e": "later", "id": "not ours"},
    ]
    (cause,) = causes.group(strange)
    assert (cause.count, cause.ids, cause.out) == (3, ("?",), (("1", "2"),))


def test_a_selector_names_a_cause_or_all_that_failed() -> None:
    (cause,) = causes.group([entry("a", 4)])
    assert causes.selector("7f3a", cause) == "7f3a:5"
    assert causes.selector("7f3a") == "7f3a"


def test_a_failure_whose_text_is_its_message_has_no_traceback() -> None:
    def bare(**keys: object) -> bool:
        return causes.is_bare({"e": "x", **keys})

    assert bare(type="Failed", msg="first\n  second", text="first\n  second")
    assert bare(type="ValueError", msg="no\nmore", text="ValueError: no\nmore")
    assert bare(type="XPASS(strict)", msg="", text="[XPASS(strict)] ")
    assert bare(type="Failed", msg="a" * 2000, text="a" * 2600 + "... left out ..." + "a" * 400)
    assert not bare(type="Failed", msg="no", text="a.py:1: in f\n    g()\nE   Failed: no")
    assert not bare(type="Failed", msg="no")  # its cause's first failures have the text


def test_failures_of_attempts_that_were_rerun_count_only_when_asked_for() -> None:
    entries: list[Event] = [
        entry("a", 0, i=0),
        {"e": "back", "i": 0, "x": [0]},
        entry("b", 1, i=1) | {"e": "a"},
        entry("b", 1, i=1),
    ]
    (cause,) = causes.group(entries)
    assert (cause.number, cause.ids, cause.count, cause.attempts) == (2, ("b",), 1, 0)
    found = {one.number: (one.count, one.attempts) for one in causes.group(entries, attempts=True)}
    assert found == {1: (1, 1), 2: (2, 1)}


def test_a_failure_that_is_taken_back_does_not_move_the_numbers_of_since() -> None:
    live: list[Event] = [entry("a", 0, i=0)]
    since = causes.count_failures(live)
    later = [*live, {"e": "back", "i": 0, "x": [0]}, entry("b", 1, i=1)]
    assert [cause.ids for cause in causes.group(later, since)] == [("b",)]
    assert causes.count_failures(later) == 2


def test_a_torn_line_does_not_let_another_tests_failure_be_taken_back() -> None:
    # The line that is meant is gone, so that its number is now the next failure's.
    entries = [entry("b", 0, i=1), {"e": "back", "i": 0, "x": [0]}]
    assert [cause.ids for cause in causes.group(entries)] == [("b",)]
