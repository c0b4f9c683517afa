"""Keep `xfail` from hiding what a test leaves behind. A pytest plugin.

pytest accepts an error in any phase as the failure that `xfail` expects, unless `raises` is
narrower. A leftover would harm the neighbouring tests all the same, so it must fail the test.

PYTEST_DONT_REWRITE: see walkaway.isolation.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import NoReturn, TypeVar

import pytest

Error = TypeVar("Error", bound=BaseException)

_OURS = "walkaway_left"
"""Attribute that marks such an error."""


def fail(text: str) -> NoReturn:
    """Fail the teardown of a test with this text, whatever the test's marks expect."""
    raise marked(pytest.fail.Exception(text, pytrace=False)) from None


def marked(error: Error) -> Error:
    """Mark a teardown's error so that it fails the test whatever the test's marks expect."""
    setattr(error, _OURS, True)
    return error


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Set the outcome back to failed when pytest took a marked error for the expected one."""
    report = yield
    if call.when == "teardown" and call.excinfo is not None and _is_left(call.excinfo.value):
        report.outcome = "failed"
        vars(report).pop("wasxfail", None)
    return report


def _is_left(error: BaseException) -> bool:
    """Whether a teardown's error is marked. Errors of several fixtures come as a group."""
    if isinstance(error, BaseExceptionGroup) and any(map(_is_left, error.exceptions)):
        return True
    return getattr(error, _OURS, False)
