"""Test by test, forked workers say what a serial run says."""

from __future__ import annotations

import pytest

from tests.walkaway.forks.suite import Suite

EVERYTHING = """
    import sys, unittest, warnings
    import pytest

    @pytest.fixture(scope="session")
    def session_wide():
        yield 1

    @pytest.fixture(scope="module")
    def module_wide(session_wide):
        yield 2
        print("module is over")

    @pytest.fixture
    def fails_at_its_end():
        yield
        raise RuntimeError("at its end")

    @pytest.fixture
    def cannot_be_made():
        raise RuntimeError("never made")

    def test_passes(session_wide): print("printed")
    def test_fails(module_wide): assert 1 == 2
    def test_lacks_a_fixture(nowhere): pass
    def test_setup_fails(cannot_be_made): pass
    def test_teardown_fails(fails_at_its_end): pass
    def test_both_fail(fails_at_its_end): assert 0
    @pytest.mark.skip(reason="not now")
    def test_skipped(): pass
    def test_skips_itself(): pytest.skip("not here")
    @pytest.mark.xfail
    def test_expected(): assert 0
    @pytest.mark.xfail(strict=True)
    def test_expected_and_passes(): pass
    def test_warns(): warnings.warn("take care")
    def test_captures(capsys):
        print("seen")
        assert capsys.readouterr().out == "seen\\n"
    def test_temporary(tmp_path, tmp_path_factory):
        assert list(tmp_path.iterdir()) == []
    def test_property(record_property): record_property("colour", "red")
    def test_suite_property(record_testsuite_property): record_testsuite_property("city", "Rome")
    def test_surrogate(): assert "\\ud800" == "x"
    class Unprintable(Exception):
        def __str__(self): raise ValueError("no")
    def test_unprintable(): raise Unprintable
    class TestClass:
        @pytest.fixture(scope="class", autouse=True)
        def class_wide(self): yield
        @pytest.mark.parametrize("n", range(5))
        def test_in_class(self, n): assert n != 3
    class TestUnit(unittest.TestCase):
        @classmethod
        def setUpClass(cls): cls.made = 1
        def test_unit(self): self.assertEqual(self.made, 1)
        def test_unit_fails(self): self.assertEqual(self.made, 2)
        @unittest.skip("no")
        def test_unit_skipped(self): pass
    """


@pytest.mark.parametrize("workers", ["1", "2", "4"])
def test_every_kind_of_result_is_that_of_a_serial_run(suite: Suite, workers: str) -> None:
    for name in ("test_a.py", "test_b.py"):
        suite.write(name, EVERYTHING)
    serial = suite.run()
    forked = suite.run("--forks", workers)
    assert sum(serial.results.values()) == 2 * 26
    assert forked.results == serial.results, forked.out
    assert forked.code == serial.code == 1
    lasts = [ran.out.strip().splitlines()[-1].rpartition(" in ")[0] for ran in (serial, forked)]
    assert lasts[0] == lasts[1]


def test_what_tests_print_warn_and_record_is_told_once(suite: Suite) -> None:
    suite.write("test_a.py", EVERYTHING)
    ran = suite.run("--forks", "2", "-rP")
    assert ran.out.count("UserWarning: take care") == 1
    assert ran.out.count("printed\n") == 1
    report = (suite.folder / "report.xml").read_text(encoding="utf-8")
    assert report.count('name="colour" value="red"') == 1
    assert report.count('name="city" value="Rome"') == 1


def test_fixtures_of_a_module_stay_in_one_worker_and_end_once(suite: Suite) -> None:
    source = """
        import os, pytest

        def note(word):
            with open("order.txt", "a") as file:
                file.write(f"{word}-{os.environ['PYTEST_XDIST_WORKER']}-{__name__}\\n")

        @pytest.fixture(scope="module", autouse=True)
        def wide():
            note("up")
            yield
            note("down")

        @pytest.mark.parametrize("n", range(20))
        def test_one(n): pass
        """
    for number in range(6):
        suite.write(f"test_{number}.py", source)
    ran = suite.run("--forks", "3")
    assert ran.code == 0, ran.out
    lines = suite.lines("order.txt")
    assert len(lines) == 2 * 6
    for number in range(6):
        up, down = (line.split("-") for line in lines if line.endswith(f"test_{number}"))
        assert (up[0], down[0], up[1]) == ("up", "down", down[1])


def test_session_fixtures_end_once_a_worker_and_their_error_is_a_tests(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import pytest

        @pytest.fixture(scope="session")
        def wide():
            yield
            raise RuntimeError("at the very end")

        @pytest.mark.parametrize("n", range(8))
        def test_one(wide, n): pass
        """,
    )
    serial, forked = suite.run(), suite.run("--forks", "2")
    assert (serial.code, forked.code) == (1, 1)
    errors = [kinds for _, kinds in forked.results.elements() if kinds == ("error",)]
    assert 1 <= len(errors) <= 2  # one a worker that made it
    assert sum(forked.results.values()) == sum(serial.results.values())
    assert "RuntimeError: at the very end" in forked.out


def test_each_worker_has_a_name_a_folder_and_random_numbers_of_its_own(suite: Suite) -> None:
    suite.write(
        "test_a.py",
        """
        import os, random, time
        import pytest

        @pytest.mark.parametrize("n", range(8))
        def test_one(n, worker_id, testrun_uid, tmp_path_factory):
            assert os.environ["PYTEST_XDIST_WORKER"] == worker_id
            folder = tmp_path_factory.getbasetemp().name
            with open("told.txt", "a") as file:
                file.write(f"{worker_id}/{folder}/{testrun_uid}/{random.random()}\\n")
            until = time.monotonic() + 10
            while len({line.split("/")[0] for line in open("told.txt")}) < 2:
                assert time.monotonic() < until
                time.sleep(0.01)
        """,
    )
    ran = suite.run("--forks", "2")
    assert ran.code == 0, ran.out
    rows = [line.split("/") for line in suite.lines("told.txt")]
    assert {(row[0], row[1]) for row in rows} == {("gw0", "gw0"), ("gw1", "gw1")}
    assert len({row[2] for row in rows}) == 1
    assert len({row[3] for row in rows}) == 8


def test_groups_stay_together_also_over_files(suite: Suite) -> None:
    for name in ("test_a.py", "test_b.py", "test_c.py"):
        suite.write(
            name,
            """
            import os, pytest

            @pytest.mark.parametrize("n", range(30))
            def test_free(n): pass

            @pytest.mark.parametrize("n", range(10))
            @pytest.mark.xdist_group("together")
            def test_one(n):
                with open("pids.txt", "a") as file:
                    file.write(f"{os.getpid()}\\n")
            """,
        )
    suite.write(
        "pytest.ini",
        """
        [pytest]
        markers = xdist_group
        """,
    )
    ran = suite.run("--forks", "4")
    assert (ran.code, ran.results.total()) == (0, 120), ran.out
    assert len(suite.lines("pids.txt")) == 30
    assert len(set(suite.lines("pids.txt"))) == 1
