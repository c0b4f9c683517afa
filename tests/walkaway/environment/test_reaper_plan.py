"""What the reaper decides to remove, and what it leaves; no engine."""

from __future__ import annotations

import json
import platform
from dataclasses import replace
from pathlib import Path

import pytest

from walkaway.environment import engine, inventory, known_checkouts, reaper
from walkaway.environment.inventory import Kind, Thing
from walkaway.environment.project import path_hash
from walkaway.environment.reaper import Known, RecordedState

NOW_S = 1_000_000.0
HERE, GONE, ELSEWHERE = "/home/me/shop", "/home/me/old", "/home/me/other"
RUN = "20261122-101530-7f3a"


def known(**changes: object) -> Known:
    plain = Known(
        here=path_hash(HERE),
        paths={},
        labels=lambda: True,
        there=lambda path: path != GONE,
        standing=lambda _: RecordedState.LIVE,
    )
    return replace(plain, **changes)  # type: ignore[arg-type] # one of its own fields


def service(root: str, name: str = "db-1", **changes: object) -> Thing:
    project = f"walkaway-{path_hash(root)}-1"
    made = Thing(Kind.CONTAINER, "c0ffee", f"{project}-{name}", path_hash(root), root)
    return replace(made, **changes)  # type: ignore[arg-type] # one of its own fields


def of_run(root: str = HERE, *, running: bool = False, made_s: float = NOW_S - 60) -> Thing:
    return service(root, RUN, run=RUN, running=running, made_s=made_s)


def gone(*things: Thing, **changes: object) -> list[str]:
    found = reaper.plan(things, known(**changes), NOW_S)
    return [fate.thing.name for fate in found.go]


def stays(*things: Thing, **changes: object) -> list[str]:
    return [fate.why for fate in reaper.plan(things, known(**changes), NOW_S).stay]


def test_what_a_checkout_left_that_is_gone_is_removed_and_the_rest_is_not() -> None:
    dead, mine, others = service(GONE), service(HERE), service(ELSEWHERE)
    assert gone(dead, mine, others) == [dead.name]
    plan = reaper.plan([dead], known(), NOW_S)
    assert plan.go[0].why == "its checkout is gone: /home/me/old"


def test_things_without_a_path_go_when_it_is_known_from_elsewhere() -> None:
    network = service(GONE, kind=Kind.NETWORK, path="")
    image = service(GONE, kind=Kind.IMAGE, path="", name="walkaway-test:12345678")
    assert gone(network, image) == []
    assert gone(network, image, paths={path_hash(GONE): GONE}) == [network.name, image.name]
    volume = service(GONE, kind=Kind.VOLUME, path="")
    found = reaper.plan([image, volume, network, service(GONE)], known(), NOW_S)
    assert [fate.thing.kind for fate in found.go] == list(Kind)


def test_a_path_that_does_not_come_to_the_hash_in_the_name_proves_nothing() -> None:
    foreign = service("/home/me/gone-too", path="/home/somebody/project")
    assert gone(foreign, there=lambda _: False) == []


def test_labels_prove_nothing_where_the_engine_is_another_machines() -> None:
    dead = service(GONE)
    assert gone(dead, labels=lambda: False) == []
    assert gone(dead, labels=lambda: False, paths={path_hash(GONE): GONE}) == [dead.name]


def test_the_engine_is_not_asked_about_itself_while_everybody_lives() -> None:
    def never() -> bool:
        raise AssertionError

    assert gone(service(HERE), service(ELSEWHERE), labels=never) == []


def test_the_checkout_that_asks_is_never_dead() -> None:
    assert gone(service(HERE), there=lambda _: False) == []


def test_a_dead_checkout_whose_tests_go_on_is_left_for_a_day() -> None:
    db = service(GONE)
    assert gone(of_run(GONE, running=True), db) == []
    assert (
        stays(of_run(GONE, running=True), db)
        == [f"its checkout is gone, but run {RUN} is still running"] * 2
    )
    assert gone(of_run(GONE, running=True, made_s=NOW_S - 80_000), db) == []
    assert len(gone(of_run(GONE, running=True, made_s=NOW_S - 90_000), db)) == 2
    assert len(gone(of_run(GONE), db)) == 2


@pytest.mark.parametrize(
    ("standing", "running", "goes"),
    [
        (RecordedState.ENDED, False, True),
        (RecordedState.ENDED, True, True),
        (RecordedState.LIVE, False, False),
        (RecordedState.LIVE, True, False),
        (RecordedState.ABSENT, False, True),
        (RecordedState.ABSENT, True, False),
    ],
)
def test_a_test_container_goes_only_when_its_run_is_over(
    standing: RecordedState, *, running: bool, goes: bool
) -> None:
    thing = of_run(running=running)
    assert gone(thing, standing=lambda _: standing) == ([thing.name] if goes else [])


def test_runs_of_other_checkouts_are_theirs_to_judge() -> None:
    assert gone(of_run(ELSEWHERE), standing=lambda _: RecordedState.ENDED) == []


# What is ours at all, by names and labels

OURS = "walkaway-0123abcd-1"
NAMES = [
    (OURS, f"{OURS}-db-1", "", True),
    (OURS, f"{OURS}-test-run-1f2e", "", True),
    (OURS, f"walkaway-0123abcd-{RUN}-1", RUN, True),
    ("walkaway-0123abcd-0", f"walkaway-0123abcd-{RUN}-2", RUN, True),
    (OURS, "db", "", False),
    (OURS, f"{OURS}0-db-1", "", False),
    (OURS, f"walkaway-0123abcd-{RUN}", RUN, False),
    (OURS, f"walkaway-0123abce-{RUN}-1", RUN, False),
    (OURS, f"my-walkaway-0123abcd-{RUN}-1", RUN, False),
    ("walkaway-0123abcd", "walkaway-0123abcd-db-1", "", False),
    ("walkaway-0123ABCD-1", "walkaway-0123ABCD-1-db-1", "", False),
    ("walkaway-0123abcd-01", "walkaway-0123abcd-01-db-1", "", False),
    ("walkaway-0123abcd-1-2", "walkaway-0123abcd-1-2-db-1", "", False),
    ("walkaway-0123abcdef-1", "walkaway-0123abcdef-1-db-1", "", False),
    ("xwalkaway-0123abcd-1", "xwalkaway-0123abcd-1-db-1", "", False),
    (f"{OURS}\n", f"{OURS}\n-db-1", "", False),
    ("walkaway-ci-0123abcd", "walkaway-ci-0123abcd-db-1", "", False),
    ("", f"{OURS}-db-1", "", False),
]


@pytest.mark.parametrize(("project", "name", "run", "ours"), NAMES)
def test_a_container_is_ours_when_name_and_label_are(
    monkeypatch: pytest.MonkeyPatch, project: str, name: str, run: str, *, ours: bool
) -> None:
    row = ["c0ffee", name, "running", "2026-11-22 20:07:41 +0000 UTC", project, "", "/x", run]
    monkeypatch.setattr(engine, "ask", lambda *_: json.dumps(row) + "\n")
    assert [thing.name for thing in inventory.containers({})] == ([name] if ours else [])


def test_an_age_that_cannot_be_read_is_young() -> None:
    assert inventory._seconds("2026-11-22 20:07:41 +0200 CEST") == 1795370861.0
    assert inventory._seconds("yesterday") > 1_700_000_000


# Which checkouts are known


def test_a_checkout_is_remembered_by_its_path_on_this_host(tmp_path: Path) -> None:
    environ = {"XDG_STATE_HOME": str(tmp_path / "state")}
    root = tmp_path / "check out"
    root.mkdir()
    known_checkouts.remember(root, environ)
    known_checkouts.remember(root, environ)
    assert known_checkouts.known(environ) == {path_hash(str(root)): str(root)}
    known_checkouts.forget(path_hash(str(root)), environ)
    known_checkouts.forget(path_hash(str(root)), environ)
    assert known_checkouts.known(environ) == {}
    assert known_checkouts.folder({"HOME": "/home/me"}) == Path(
        "/home/me/.local/state/walkaway/checkouts"
    )


def test_an_entry_that_does_not_come_to_its_name_is_not_believed(tmp_path: Path) -> None:
    environ = {"XDG_STATE_HOME": str(tmp_path)}
    folder = known_checkouts.folder(environ)
    folder.mkdir(parents=True)
    host = platform.node()
    true = {"path": GONE, "host": host}
    (folder / path_hash(GONE)).write_text(json.dumps(true | {"host": f"not-{host}"}))
    for name, text in (
        ("0123abcd", json.dumps(true)),
        ("0123abce", "torn {"),
        ("0123abcf", "[]"),
        ("0123abd0", '{"path": 7, "host": null}'),
        ("0123abd1", "7"),
    ):
        (folder / name).write_text(text)
    (folder / "folder").mkdir()
    assert known_checkouts.known(environ) == {}


def test_where_nothing_can_be_noted_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    environ = {"XDG_STATE_HOME": str(tmp_path / "state")}
    known_checkouts.remember(tmp_path, environ)
    assert known_checkouts.known(environ) == {}


def test_a_path_is_gone_only_when_it_surely_is(tmp_path: Path) -> None:
    assert reaper._there(str(tmp_path))
    assert not reaper._there(str(tmp_path / "none"))
    (tmp_path / "file").touch()
    assert not reaper._there(str(tmp_path / "file"))
    assert not reaper._there(str(tmp_path / "file" / "below"))
    (tmp_path / "link").symlink_to(tmp_path)
    assert not reaper._there(str(tmp_path / "link"))
    assert reaper._there("/" + "x" * 300)  # too long to look at
