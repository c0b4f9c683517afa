"""What of a traceback stands under a cause."""

from __future__ import annotations

from walkaway.views import tracebacks

GROUP = """\
  + Exception Group Traceback (most recent call last):
  |   File "/p/tests/test_it.py", line 7, in test_h
  |     def test_h(n): slow(n)
  |                    ^^^
  | ExceptionGroup: Hypothesis found 2 distinct failures. (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/p/.venv/lib/python3.11/site-packages/hypothesis/core.py", line 1015, in test
    |     result = self.test(*args, **kwargs)
    |   File "/p/tests/test_it.py", line 5, in slow
    |     time.sleep(2)
    | Failed: Timeout (>1.0s) from pytest-timeout.
    +---------------- 2 ----------------
    | Traceback (most recent call last):
    |   File "/p/app/x.py", line 9, in load
    |     raise KeyError(n)
    | KeyError: 3
    +------------------------------------
"""


def test_an_exception_group_shows_the_projects_frames_and_each_exception() -> None:
    said = "Hypothesis found 2 distinct failures. (2 sub-exceptions)"
    assert tracebacks.condense(GROUP, said, 12, 100) == [
        "/p/tests/test_it.py:7 in test_h: def test_h(n): slow(n)",
        "/p/tests/test_it.py:5 in slow: time.sleep(2)",
        "/p/app/x.py:9 in load: raise KeyError(n)",
        "  Failed: Timeout (>1.0s) from pytest-timeout.",
        "  KeyError: 3",
    ]
