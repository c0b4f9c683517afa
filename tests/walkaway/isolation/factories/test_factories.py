"""Names that nobody else has, and things that are removed again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.walkaway.support.nested import EACH_WAY, SERIAL, WAYS, Nested
from walkaway.isolation.factories import AsyncFactory, CleanUp, Factory, Unique
from walkaway.isolation.identity import Identity

WHO = Identity("1f0c2a9b7d", "gw0")


def test_a_name_tells_its_kind_run_worker_and_count() -> None:
    unique = Unique(WHO)
    assert [unique("user"), unique("kb_doc")] == [
        "user_1f0c2a9b7d_gw0_1",
        "kb_doc_1f0c2a9b7d_gw0_2",
    ]
    assert unique.email() == "user_1f0c2a9b7d_gw0_3@example.com"


@pytest.mark.parametrize("prefix", ["", "User", "a-b", "1a", "a b", "é"])
def test_a_prefix_that_is_not_safe_everywhere_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="lower-case letters"):
        Unique(WHO)(prefix)


def test_a_name_fits_into_postgres_or_is_refused() -> None:
    unique = Unique(WHO)
    assert len(unique("u" * 46)) == 63
    with pytest.raises(ValueError, match="1 characters too long"):
        unique("u" * 47)


def test_clean_up_is_last_in_first_out_and_done_once() -> None:
    said: list[str] = []
    with CleanUp() as clean_up:
        for word in "abc":
            clean_up.add(said.append, word)
    clean_up.run()
    assert said == ["c", "b", "a"]


def test_clean_up_may_add_to_itself() -> None:
    said: list[str] = []
    with CleanUp() as clean_up:
        clean_up.add(said.append, "first")
        clean_up.add(lambda: clean_up.add(said.append, "later"))
    assert said == ["later", "first"]


def test_all_failures_are_raised_together_after_the_last_call() -> None:
    said: list[str] = []

    def fail(word: str) -> None:
        raise ConnectionError(word)

    clean_up = CleanUp()
    for call, word in ((fail, "x"), (said.append, "a"), (fail, "y"), (said.append, "b")):
        clean_up.add(call, word)
    with pytest.raises(ExceptionGroup) as caught:
        clean_up.run()
    assert said == ["b", "a"]
    assert [str(failure) for failure in caught.value.exceptions] == ["y", "x"]
    assert caught.value.message == "2 of 4 clean-ups failed: ConnectionError: y"
    assert "fail('y')" in caught.value.exceptions[0].__notes__[0]


def test_an_interrupt_ends_the_run_only_after_the_clean_up() -> None:
    said: list[str] = []

    def interrupt() -> None:
        raise KeyboardInterrupt

    clean_up = CleanUp()
    clean_up.add(said.append, "a")
    clean_up.add(interrupt)
    with pytest.raises(KeyboardInterrupt):
        clean_up.run()
    assert said == ["a"]


def test_pytest_fail_in_a_clean_up_is_a_failure_like_others() -> None:
    clean_up = CleanUp()
    clean_up.add(pytest.fail, "still there")
    with pytest.raises(BaseExceptionGroup, match="still there"):
        clean_up.run()


def test_an_asynchronous_call_is_refused_where_nothing_awaits_it() -> None:
    clean_up = CleanUp()
    clean_up.add(asyncio.sleep, 0)
    with pytest.raises(ExceptionGroup, match="use `async with`"):
        clean_up.run()


async def test_async_clean_up_takes_both_kinds_and_goes_on_after_failures() -> None:
    said: list[str] = []

    async def say(word: str) -> None:
        await asyncio.sleep(0)
        said.append(word)

    async def fail() -> None:
        raise ConnectionError

    async with CleanUp() as clean_up:
        clean_up.add(said.append, "a")
        clean_up.add(fail)
        clean_up.add(say, "b")
        with pytest.raises(ExceptionGroup, match="1 of 3"):
            await clean_up.run_async()
    assert said == ["b", "a"]


def test_a_factory_makes_deletes_and_lets_override() -> None:
    there: list[dict[str, Any]] = []

    def create(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
        there.append(fields)
        return fields

    unique = Unique(WHO)
    with Factory(create, there.remove, email=unique.email, admin=False) as make:
        ann, bob = make(), make(email="bob@example.com", admin=True)
        assert there == [ann, bob]
        assert ann == {"email": "user_1f0c2a9b7d_gw0_1@example.com", "admin": False}
        assert bob == {"email": "bob@example.com", "admin": True}
        # The address that was overridden was not made.
        assert make()["email"] == "user_1f0c2a9b7d_gw0_2@example.com"
    assert there == []


def test_a_thing_made_for_another_is_deleted_after_it() -> None:
    gone: list[str] = []
    with (
        Factory(lambda: "user", gone.append) as make_user,
        Factory(lambda owner: f"conversation of {owner}", gone.append, owner=make_user) as make,
    ):
        assert make() == "conversation of user"
    assert gone == ["conversation of user", "user"]


async def test_an_async_factory_awaits_what_is_to_be_awaited() -> None:
    gone: list[str] = []

    async def create(email: str, owner: str) -> str:
        await asyncio.sleep(0)
        return f"{email} {owner}"

    async def delete(thing: str) -> None:
        await asyncio.sleep(0)
        gone.append(thing)

    async def owner() -> str:
        return "ann"

    async with AsyncFactory(create, delete, email=lambda: "a@b", owner=owner) as make:
        assert await make() == "a@b ann"
        assert await make(owner="bob") == "a@b bob"
    assert gone == ["a@b bob", "a@b ann"]


PROJECT = """
    import pytest
    from walkaway.isolation.factories import AsyncFactory, Factory

    @pytest.fixture
    def make_note(unique, tmp_path):
        def create(name):
            (tmp_path / name).touch()
            return tmp_path / name
        def delete(note):
            note.unlink()  # fails when the test deleted it
        with Factory(create, delete, name=lambda: unique("note")) as make:
            yield make

    @pytest.fixture
    async def make_async(unique):
        async def create(name):
            return name
        async def delete(name):
            raise ConnectionError(name)
        async with AsyncFactory(create, delete, name=lambda: unique("note")) as make:
            yield make
"""


def test_a_clean_up_that_fails_is_the_teardown_error_of_its_test(nested: Nested) -> None:
    nested.conftest(PROJECT)
    nested.write(
        "test_it.py",
        """
        import pytest
        def test_good(make_note):
            assert make_note().exists()
        def test_deletes_two_of_three(make_note):
            a, b, c = make_note(), make_note(), make_note()
            a.unlink(); c.unlink()
        async def test_async(make_async):
            await make_async()
            await make_async()
        @pytest.mark.xfail
        def test_fails_as_expected(make_note):
            make_note().unlink()
            assert False
        """,
    )
    ended = nested.run(*SERIAL)
    assert ended.tests == {
        "test_good": ("passed",),
        "test_deletes_two_of_three": ("error",),
        "test_async": ("error",),
        "test_fails_as_expected": ("skipped", "error"),
    }, ended
    assert "2 of 3 clean-ups failed: FileNotFoundError" in ended.text
    assert "2 of 2 clean-ups failed: ConnectionError" in ended.text


@pytest.mark.parametrize("way", EACH_WAY)
def test_no_two_tests_workers_or_runs_have_the_same_name(nested: Nested, way: str) -> None:
    nested.write(
        "test_it.py",
        """
        import json, os, pytest
        @pytest.mark.parametrize("n", range(12))
        def test_it(n, unique):
            for _ in range(3):
                line = json.dumps({"name": unique("user"), "pid": os.getpid()}) + "\\n"
                with open("names", "a") as file:
                    file.write(line)
        """,
    )
    for _ in range(2):
        assert nested.run(*WAYS[way]).code == 0
    said = nested.said("names")
    assert len({line["name"] for line in said}) == len(said) == 72
    assert len({line["pid"] for line in said}) == 2 * {"n2": 2, "n4": 4}.get(way, 1)
