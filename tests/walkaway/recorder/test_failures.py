"""A failure is recorded briefly: its place, its cause, and the useful part of its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.walkaway.support.recorded import Project


def test_a_failure_names_the_deepest_frame_of_the_project(project: Project) -> None:
    project.write(
        shop="""
        import json
        def load(text):
            return json.loads(text)
        """,
        test_it="""
        from shop import load
        def test_a():
            print("reading")
            load("{")
        """,
    )
    told = project.run().failures()[0]
    assert (told["i"], told["id"], told["r"], told["w"]) == (
        0,
        "test_it.py::test_a",
        "failed",
        "call",
    )
    assert told["type"] == "json.decoder.JSONDecodeError"
    assert told["at"] == "shop.py:4 in load"
    assert "test_it.py:5: in test_a" in told["text"]
    assert "E   " in told["text"]
    assert told["out"] == [["Captured stdout call", "reading\n"]]


def test_failures_of_one_cause_share_its_number_and_only_three_have_texts(
    project: Project,
) -> None:
    project.write(
        test_it="""
        import pytest
        @pytest.mark.parametrize("n", range(5))
        def test_a(n, tmp_path): raise ValueError(f"no row {n} in {tmp_path}/x at {id(n):#x}")
        def test_b(): raise ValueError("another")
        """
    )
    failures = project.run().failures()
    assert [told["cause"] for told in failures] == [0, 0, 0, 0, 0, 1]
    assert ["text" in told for told in failures] == [True, True, True, False, False, True]
    assert all(told["msg"].startswith("no row") for told in failures[:5])


def test_what_a_plugin_refuses_without_a_traceback_is_told_at_the_test(project: Project) -> None:
    """One cause for all tests: neither the plugin's line nor the node id makes another."""
    project.write(
        refuses="""
        import pytest
        @pytest.fixture(autouse=True)
        def refusal(request):
            yield
            pytest.fail(f"{request.node.nodeid} left 1 thing behind\\nsweep", pytrace=False)
        """,
        conftest="""
        import sys
        sys.path.insert(0, "lib/python3/")
        pytest_plugins = ["refuses"]
        """,
        test_it="""
        import pytest
        def test_a(): pass
        def test_b(): pass
        @pytest.mark.parametrize("n", ["x"])
        def test_c(n): pytest.fail("of its own", pytrace=False)
        """,
    )
    (project.root / "lib" / "python3").mkdir(parents=True)
    (project.root / "refuses.py").rename(project.root / "lib" / "python3" / "refuses.py")
    one, two, own, three = project.run().failures()
    assert [one["cause"], two["cause"], own["cause"], three["cause"]] == [0, 0, 1, 0]
    assert one["at"] == "test_it.py:3 in test_a"
    assert two["msg"] == "test_it.py::test_b left 1 thing behind\nsweep"
    assert own["at"] == "test_it.py:6"
    assert three["at"] == "test_it.py:5 in test_c[x]"


def test_long_texts_are_cut_in_the_middle(project: Project) -> None:
    project.write(
        test_it="""
        def test_a():
            print("first" + "x" * 20_000 + "last")
            raise ValueError("y" * 20_000)
        """
    )
    told = project.run().failures()[0]
    assert len(told["msg"]) == 2000
    assert len(told["text"]) < 8200
    heading, text = told["out"][0]
    assert (heading, len(text) < 4200) == ("Captured stdout call", True)
    assert text.startswith("first")
    assert text.endswith("last\n")


def test_a_failing_call_and_teardown_are_one_result_with_two_texts(project: Project) -> None:
    project.write(
        test_it="""
        import pytest
        @pytest.fixture
        def broken():
            yield
            raise RuntimeError("teardown")
        def test_a(broken): assert 0
        """
    )
    run = project.run()
    result = run.one("f")
    assert (result["r"], run.failure(result["x"])["w"]) == ("failed", "call")
    assert [told["w"] for told in run.failures()] == ["call", "teardown"]


def test_an_error_in_teardown_counts_after_a_skip_too(project: Project) -> None:
    project.write(
        test_it="""
        import pytest
        @pytest.fixture
        def broken():
            yield
            raise RuntimeError("teardown")
        def test_a(broken): pytest.skip("not today")
        """
    )
    run = project.run()
    result = run.one("f")
    assert (result["r"], run.failure(result["x"])["w"]) == ("error", "teardown")
    assert run.one("end")["c"] == {"error": 1}


def test_failed_subtests_are_told_and_fail_their_test(project: Project) -> None:
    project.write(
        test_it="""
        import unittest
        def test_a(subtests):
            with subtests.test("first", i=1): assert 0
            with subtests.test("second"): pass
            with subtests.test("third"): assert 1 == 2
        class TestOld(unittest.TestCase):
            def test_old(self):
                with self.subTest(n=1): self.fail("old")
        """
    )
    run = project.run("-p", "no:terminal")
    subs = run.events("sub")
    assert [sub["m"] for sub in subs] == ["[first] (i=1)", "[third]", "(n=1)"]
    assert run.failure(subs[1]["x"])["msg"].startswith("assert 1 == 2")
    assert [result for _, result in run.results()] == ["failed", "failed"]
    assert run.one("end")["c"] == {"subfailed": 3, "failed": 2}


def test_texts_of_every_traceback_style_are_understood(project: Project) -> None:
    project.write(test_it="def test_a(): assert 1 == 2\n")
    for style in ("auto", "long", "short", "native", "line", "no"):
        told = project.run(f"--tb={style}").failures()[0]
        assert told["type"] == "AssertionError", style
        assert told["at"].startswith("test_it.py:1"), style


def test_a_missing_fixture_a_doctest_and_a_broken_repr_are_told(project: Project) -> None:
    project.write(
        test_it='''
        class Broken:
            def __repr__(self): raise RuntimeError("no repr")
        def test_fixture(no_such): pass
        def test_repr(): assert Broken() == 1
        def test_lone(): raise ValueError("\\ud800")
        def documented():
            """
            >>> 1 + 1
            3
            """
        '''
    )
    run = project.run("--doctest-modules")
    told = {failure["id"].rpartition("::")[2]: failure for failure in run.failures()}
    assert told["test_fixture"]["type"] == "FixtureLookupError"
    assert told["test_fixture"]["at"].startswith("test_it.py:4")
    assert told["test_repr"]["type"] == "AssertionError"
    assert told["test_lone"]["msg"] == "\ud800"
    assert "Expected:" in told["test_it.documented"]["text"]
    assert run.errors() == []
