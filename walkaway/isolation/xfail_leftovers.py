"""What a test leaves is not the failure that its mark `xfail` expects. A pytest plugin.

pytest takes an error in any phase for that, unless `raises` is narrower; but the neighbours of the
test would suffer all the same.

PYTEST_DONT_REWRITE: see walkaway.isolation.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import NoReturn, TypeVar

import pytest

Error = TypeVar("Error", bound=BaseException)

_OURS = "walkaway_left"
"""An attribute of such an error."""


def fail(text: str) -> NoReturn:
    """Fail the teardown of a test with this text alone, whatever its marks expect."""
    raise marked(pytest.fail.Exception(text, pytrace=False)) from None


def marked(error: Error) -> Error:
    """Have an error that a teardown raises fail its test, whatever the test's marks expect."""
    setattr(error, _OURS, True)
    return error


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Take back what pytest made of such an error: the outcome is set after it."""
    report = yield
    if call.when == "teardown" and call.excinfo is not None and _is_left(call.excinfo.value):
        report.outcome = "failed"
        vars(report).pop("wasxfail", None)
    return report


def _is_left(error: BaseException) -> bool:
    """Whether it is among what a teardown raised: several fixtures' errors come as a group."""
    if isinstance(error, BaseExceptionGroup) and any(map(_is_left, error.exceptions)):
        return True
    return getattr(error, _OURS, False)
