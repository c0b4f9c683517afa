"""What a test marked `xfail` leaves is an error: its neighbours would suffer all the same."""

from __future__ import annotations

import pytest

from tests.walkaway.isolation.leaks.test_leaks import END, blamed
from tests.walkaway.support.nested import SERIAL, WAYS, Nested
from tests.walkaway.support.spread import thin

SUITE = """
import os, tempfile, threading, pytest
KEPT = []
xfail = pytest.mark.xfail

@pytest.fixture
def left(request):
    yield
    os.environ[request.node.name] = "1"  # no teardown of the test's own takes it back

@pytest.fixture
def breaks():
    yield
    raise RuntimeError("broken teardown")

@xfail
def test_fails(left): assert False

@xfail
def test_thread():
    gate = threading.Event()
    KEPT.append(gate)
    threading.Thread(target=gate.wait, args=(60,), name="left-thread", daemon=True).start()
    assert False

@xfail(reason="so")
def test_file():
    tempfile.mkdtemp(prefix="left-folder")
    assert False

@xfail(os.name == "posix", reason="so", strict=True)
def test_strict(left): assert False

@xfail(raises=AssertionError)
def test_raises(left): assert False

@xfail(raises=(ValueError, pytest.fail.Exception))
def test_raises_what_the_check_raises(left): pytest.fail("expected")

@xfail(raises=BaseException)
def test_raises_anything(left, breaks): raise KeyError

def test_marked_by_itself(left, request):
    request.applymarker(xfail)
    assert False

def test_xfails_itself(left): pytest.xfail("so")

@xfail(strict=False)
def test_passes(left): pass

@xfail(strict=True)
def test_passes_strictly(left): pass

@xfail
@pytest.mark.allow_leaks("environment", reason="so")
def test_allowed(left): assert False

@xfail
def test_clean(): assert False

@xfail
def test_teardown(breaks): pass

@xfail(run=False)
def test_not_run(left): pass

@pytest.mark.parametrize("n", range(6))
def test_other(n):
    assert {name for name in os.environ if name.startswith("test_")} <= {"test_allowed"}
    assert not [name for name in os.listdir(tempfile.gettempdir()) if "left" in name]
"""
LEAVING = {
    "test_fails": {"skipped", "error"},
    "test_thread": {"skipped", "error"},
    "test_file": {"skipped", "error"},
    "test_strict": {"skipped", "error"},
    "test_raises": {"skipped", "error"},
    "test_raises_what_the_check_raises": {"skipped", "error"},
    "test_raises_anything": {"skipped", "error"},
    "test_marked_by_itself": {"skipped", "error"},
    "test_xfails_itself": {"skipped", "error"},
    "test_passes": {"error"},
    "test_passes_strictly": {"failure", "error"},
}
"""What each comes to: the result of its call, and beside it the error of what it left."""
OTHERS = ("test_allowed", "test_clean", "test_teardown", "test_not_run")


@pytest.mark.parametrize("way", thin(["serial", "random", "n2"], usual={"serial", "n2"}))
def test_it_is_an_error_beside_the_result_whatever_the_mark_says(nested: Nested, way: str) -> None:
    nested.conftest(END)
    nested.write("test_it.py", SUITE)
    ended = nested.run(*WAYS[way])
    came = {name: set(kinds) for name, kinds in blamed(ended).items()}
    wanted = LEAVING | {name: {"skipped"} for name in OTHERS}
    assert came == wanted, ended
    for name in LEAVING:
        assert f"test_it.py::{name} left 1 " in ended.messages[name], ended
    assert "broken teardown" in ended.messages["test_raises_anything"]
    assert f"{len(LEAVING)} errors" in ended.text


def test_it_is_not_held_against_the_next_try(nested: Nested) -> None:
    nested.conftest("")
    nested.write(
        "test_it.py",
        """
        import os, pytest
        @pytest.fixture
        def left():
            yield
            if not os.path.exists("tried"):
                open("tried", "w").close()
                os.environ["LEFT"] = "1"
        @pytest.mark.xfail
        def test_it(left):
            assert False
        """,
    )
    ended = nested.run(*SERIAL, "-p", "rerunfailures", "--reruns", "2")
    assert ended.code == 0, ended
    assert "1 rerun" in ended.text
