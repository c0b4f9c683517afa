"""The one class of expected failures, caught once at the Invoke edge. Anything else is a bug."""

from __future__ import annotations


class WalkawayError(Exception):
    """Something a user can fix: what is wrong, with which value, what to do, and an exit code.

    ``message`` has at most three lines. ``code`` comes from `walkaway.model.exit_codes`.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
