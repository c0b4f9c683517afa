"""What every backend gives one pass of pytest: its variables and its arguments.

Pure and tiny: the supervisor imports it. Must not know where pytest runs.
"""

from __future__ import annotations

from walkaway.model.run import Run

RECORDER = "walkaway_recorder"


def variables(run: Run, record: str, number: int) -> dict[str, str]:
    """Return the variables that the recorder reads. ``record``: its folder as pytest sees it."""
    given = {
        "WALKAWAY_RUN": record,
        "WALKAWAY_RECORD": record,
        "WALKAWAY_EPOCH": repr(run.started_boot),
        "WALKAWAY_PASS": str(number),
    }
    select = f"select-{number}.txt" if number > 1 else run.select
    if select:
        given["WALKAWAY_SELECT"] = f"{record}/{select}"
    if run.order_seed:
        given["WALKAWAY_ORDER"] = run.order_seed
    return given


def defaults(run: Run, record: str, number: int) -> dict[str, str]:
    """Return variables for a pass that has no such variable of its own."""
    given = {}
    if run.order_seed:
        # The order of sets is random, too: what depends on it must come again with the seed.
        given["PYTHONHASHSEED"] = run.order_seed
    if number > 1:
        # Reports that pytest writes at its end would overwrite the first pass's.
        given["COVERAGE_FILE"] = f"{record}/.coverage-pass-{number}"
    return given


def argv(run: Run, number: int) -> list[str]:
    """Return the command line of a pass; a later one adds to the coverage data that is there."""
    words = list(run.argv)
    if number > 1 and any(word.startswith("--cov") for word in words):
        words.insert(words.index(RECORDER) + 1 if RECORDER in words else 1, "--cov-append")
    return words
