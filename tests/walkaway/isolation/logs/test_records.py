"""Every record carries where it was said, and nobody hears more than before."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.walkaway.isolation.logs.nested import made

SPEAKS = """
    import logging, threading
    import pytest

    log = logging.getLogger("shop.cart")

    @pytest.fixture
    def cart():
        log.info("filled")
        yield
        log.info("emptied")

    @pytest.mark.parametrize("n", range(8))
    def test_it(cart, n):
        log.info("bought %d", n)
        log.debug("not heard")
        try:
            {}["price"]
        except KeyError:
            log.exception("no price")
        thread = threading.Thread(target=lambda: log.warning("aside"), name="till")
        thread.start()
        thread.join()

    def test_says_nothing(): pass
"""


@pytest.mark.parametrize("workers", [0, 2, 4])
def test_each_record_says_run_worker_test_and_phase(tmp_path: Path, workers: int) -> None:
    nested = made(tmp_path, SPEAKS)
    nested.run(*nested.workers(workers))
    rows = nested.lines()
    assert len(rows) == 8 * 5
    assert len({row["run"] for row in rows}) == 1
    names = {f"gw{n}" for n in range(workers)} if workers else {"main"}
    assert {row["worker"] for row in rows} <= names
    for n in range(8):
        mine = [row for row in rows if row["node"] == f"tests/test_it.py::test_it[{n}]"]
        assert [(row["phase"], row["level"], row["message"]) for row in mine] == [
            ("setup", "INFO", "filled"),
            ("call", "INFO", f"bought {n}"),
            ("call", "ERROR", "no price"),
            ("call", "WARNING", "aside"),
            ("teardown", "INFO", "emptied"),
        ]
        assert len({row["worker"] for row in mine}) == 1
        assert [row["t"] for row in mine] == sorted(row["t"] for row in mine)
        assert mine[2]["exc"].endswith("KeyError: 'price'")
        assert [row.get("thread") for row in mine] == [None, None, None, "till", None]
        assert {(row["logger"], row["attempt"]) for row in mine} == {("shop.cart", 1)}
    run = rows[0]["run"]
    found = re.findall(
        r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \[INFO\] shop\.cart: bought (\d)"
        rf"  \({run} (\w+) tests/test_it\.py::test_it\[(\d)\] call\)$",
        nested.text,
        re.MULTILINE,
    )
    assert sorted((n, m) for n, _, m in found) == [(str(n), str(n)) for n in range(8)]
    assert "says_nothing" not in nested.text


def test_nothing_is_written_where_nothing_is_logged(tmp_path: Path) -> None:
    nested = made(tmp_path, "def test_a(): pass\n")
    nested.run()
    assert nested.lines() == []
    assert not (tmp_path / "logs/tests/test-debug.log").exists()


HEARS = """
    import logging

    log = logging.getLogger("shop")

    def test_as_without_us(caplog):
        log.info("quiet")
        log.warning("loud")
        assert [r.message for r in caplog.records] == HEARD

    def test_who_asks_hears(caplog):
        caplog.set_level(logging.INFO)
        log.info("asked for")
        assert [r.message for r in caplog.records] == ["asked for"]

    def test_who_asks_one_logger_hears(caplog):
        with caplog.at_level(logging.DEBUG, logger="shop"):
            log.debug("asked for")
        log.info("quiet")
        assert [r.message for r in caplog.records] == ["asked for", *HEARD[:-1]]

    def test_fails():
        log.info("quiet")
        log.warning("loud")
        assert 0
"""


@pytest.mark.parametrize("with_us", [True, False])
@pytest.mark.parametrize(
    ("args", "heard"),
    [
        ((), ["loud"]),
        (("-o", "log_cli=true"), ["loud"]),
        (("--log-level=INFO",), ["quiet", "loud"]),
        (("--log-level=ERROR",), []),
        (("-o", "log_cli=true", "--log-cli-level=INFO"), ["quiet", "loud"]),
    ],
)
def test_pytest_hears_as_much_as_without_us(
    tmp_path: Path, args: tuple[str, ...], heard: list[str], *, with_us: bool
) -> None:
    """With the plugin and without it the same tests see the same records."""
    nested = made(tmp_path)
    if not with_us:
        nested.write("conftest.py", "")
    kept = list(heard)
    source = HEARS.replace("HEARD", repr(kept))
    if heard != ["loud"] and "quiet" not in heard:  # caplog has a level of its own there
        source = (
            source.partition("    def test_who_asks_hears")[0]
            + "    def test_fails"
            + (source.partition("def test_fails")[2])
        )
    nested.write("tests/test_it.py", source)
    said = nested.run(*args, code=1)
    assert "1 failed" in said
    assert ("quiet" in said.partition("Captured log call")[2]) == ("quiet" in heard)
    if with_us:
        messages = [row["message"] for row in nested.lines()]
        assert messages.count("quiet") >= 2
        assert messages.count("loud") == 2


def test_the_level_and_the_place_are_settings(tmp_path: Path) -> None:
    ini = "walkaway_log_level = debug\nwalkaway_log_file = out/said.txt\n"
    nested = made(tmp_path, SPEAKS, ini)
    nested.run()
    assert (tmp_path / "out/said.txt").read_text().count("not heard") == 8
    assert len(list((tmp_path / "out/lines").glob("*-main.jsonl"))) == 1
    assert not (tmp_path / "logs").exists()


def test_a_level_that_is_none_is_refused(tmp_path: Path) -> None:
    nested = made(tmp_path, SPEAKS, "walkaway_log_level = loud\n")
    assert "walkaway_log_level is 'LOUD': give a level such as INFO" in nested.run(code=4)


def test_the_fixture_can_be_overridden_by_name(tmp_path: Path) -> None:
    nested = made(tmp_path, SPEAKS)
    own = "import pytest\n@pytest.fixture(scope='session')\ndef configure_logging(): pass\n"
    nested.write("tests/conftest.py", own)
    nested.run()
    assert nested.lines() == []
    assert not (tmp_path / "logs").exists()


RECKLESS = """
    import logging, logging.config

    log = logging.getLogger("shop")

    def test_replaces_all_handlers():
        logging.config.dictConfig({"version": 1, "root": {"level": "ERROR", "handlers": []},
                                   "disable_existing_loggers": False})

    def test_closes_all_handlers():
        log.info("after the first")
        logging.getLogger().handlers.clear()
        logging.shutdown()

    def test_fakes_time_and_files(monkeypatch):
        import os, time
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda: 0.0)
            patch.setattr(time, "clock_gettime", lambda which: 0.0)
            patch.setattr(time, "gmtime", None)
            patch.setattr(os, "write", None)
            patch.setattr(os, "fstat", None)
            log.info("after the second")

    def test_arguments_that_do_not_fit(caplog):
        class Bad:
            def __str__(self): raise RuntimeError("no text")
        logger = logging.getLogger("quiet")
        logger.addFilter(lambda record: False)
        handler = next(h for h in logging.getLogger().handlers if type(h).__name__ == "_Handler")
        handler.handle(logging.LogRecord("x", 30, "f", 1, "half %s", (Bad(),), None))
        log.info("\\ud800 surrogate")
"""


def test_what_tests_do_to_logging_ends_with_them(tmp_path: Path) -> None:
    nested = made(tmp_path, RECKLESS)
    nested.run("-p", "no:randomly")
    assert [(row["message"], row["node"].rpartition("_")[2]) for row in nested.lines()] == [
        ("after the first", "handlers"),
        ("after the second", "files"),
        ("half %s (its arguments do not match)", "fit"),
        ("\ud800 surrogate", "fit"),
    ]
    times = [row["time"] for row in nested.lines()]
    assert times == sorted(times)
    assert times[0] > "2020"


def test_a_pytest_inside_a_test_has_lines_of_its_own(tmp_path: Path) -> None:
    nested = made(tmp_path)
    inner = "import logging\ndef test_in(): logging.getLogger('inner').info('inside')\n"
    nested.write("inner/test_in.py", inner)
    nested.write("inner/conftest.py", "")
    outer = """
        import logging, pytest
        def test_out():
            args = ["-q", "-p", "no:cacheprovider", "-p", "walkaway.isolation.logs", "inner"]
            assert pytest.main(args) == 0
            logging.getLogger("outer").info("outside")
            logging.getLogger("outer").debug("quiet")
    """
    nested.write("conftest.py", "")
    nested.write("tests/test_out.py", outer)
    nested.run("-p", "walkaway.isolation.logs", "tests")
    told = {(row["message"], row["node"].rpartition("::")[2]) for row in nested.lines()}
    # The outer test is at work meanwhile; the inner one knows its own.
    assert told == {("inside", "test_in"), ("inside", "test_out"), ("outside", "test_out")}
