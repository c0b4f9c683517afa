"""What counts as greener."""

import pytest

from tests.walkaway.hostile.greener import Shown, greener


@pytest.mark.parametrize("code", [None, 1, 2, 5, -9])
def test_an_exit_of_0_is_greener_than_any_other_end(code: int | None) -> None:
    assert greener(Shown(code), Shown(0)) == [f"exit 0, bare {code}"]
    assert greener(Shown(0), Shown(code)) == []
    assert greener(Shown(code), Shown(65)) == []


@pytest.mark.parametrize("bad", ["failed", "error", "crashed"])
@pytest.mark.parametrize("good", ["passed", "skipped", "xfailed", "xpassed"])
def test_a_failure_that_is_no_failure_is_greener(bad: str, good: str) -> None:
    assert greener(Shown(1, {"a": bad}), Shown(1, {"a": good})) == [f"a {good}, bare {bad}"]
    assert greener(Shown(1, {"a": good}), Shown(1, {"a": bad})) == []


def test_a_skip_that_passed_is_greener() -> None:
    assert greener(Shown(0, {"a": "skipped"}), Shown(0, {"a": "passed"}))


@pytest.mark.parametrize("word", ["lost", "not-run", "crashed", "error"])
def test_what_has_no_result_is_not_greener(word: str) -> None:
    assert greener(Shown(1, {"a": "failed"}), Shown(65, {"a": word})) == []
    assert greener(Shown(1, {"a": "failed"}), Shown(65)) == []


def test_a_test_that_bare_pytest_lost_may_have_any_result() -> None:
    assert greener(Shown(1), Shown(1, {"a": "passed"})) == []
