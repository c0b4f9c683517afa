"""Whether anything was committed is told cheaply and exactly."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import text

from tests.walkaway.isolation.databases.direct import ADD, run
from walkaway.isolation.databases import strategies
from walkaway.isolation.databases.database import Database

# Postgres numbers the transactions of all databases together: another test's commit would be news.
pytestmark = pytest.mark.serial


def looked(database: Database) -> bool:
    """Tell whether anything was committed since the last look."""
    probe = database.contents._probe
    return probe.committed()


def test_a_rollback_needs_no_second_look_and_every_commit_does(database: Database) -> None:
    looked(database)
    assert not looked(database)
    with database.connect() as connection:
        connection.execute(text(ADD.format("people")))
        with connection.begin_nested():
            connection.execute(text(ADD.format("rocks")))
        assert not looked(database)  # in flight
        connection.rollback()
    assert not looked(database)
    with database.connect() as late, database.connect() as early:
        if "postgres" in database.url:
            late.execute(text(ADD.format("people")))  # begun before, committed after the next look
            run(database, ADD.format("rocks"))
            assert looked(database)
        early.rollback()
        late.execute(text(ADD.format("people")))
        late.commit()
        assert looked(database)
    assert not looked(database)


def test_what_the_clean_up_commits_is_no_news(database: Database) -> None:
    run(database, ADD.format("people"))
    strategies.put_back(database)
    assert not looked(database)


def test_a_commit_beside_the_clean_up_is_news(database: Database) -> None:
    run(database, ADD.format("people"))
    database.contents.put_back()
    thread = threading.Thread(target=run, args=(database, ADD.format("people")))
    thread.start()
    thread.join()
    assert looked(database)


def test_what_nobody_looked_at_goes_with_the_next_clean_up(database: Database) -> None:
    contents = database.contents
    for _ in range(2):  # the second time everything was known to be clean
        run(database, ADD.format("people"))
        assert contents.put_back() == ""
        assert contents.differences(contents.pristine) == []
