"""Clean-up empties what was touched and no more, and knows when that would not do."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text

from tests.walkaway.isolation.databases.direct import ADD, Renewals, is_pristine, run
from walkaway.isolation.databases import strategies
from walkaway.isolation.databases.database import Database
from walkaway.isolation.databases.postgres import probe as postgres_probe


def test_emptied_is_what_was_touched(database: Database, renewals: Renewals) -> None:
    run(database, ADD.format("people"), ADD.format("people"), ADD.format("rocks"))
    assert database.contents.now().tables["people"].count == 2
    strategies.put_back(database)
    assert is_pristine(database)
    assert renewals.count == 0
    assert run(database, f"{ADD.format('people')} RETURNING id") == [1]


@pytest.mark.engine
def test_only_touched_tables_and_those_that_refer_to_them_are_truncated(
    on_server: Database, renewals: Renewals
) -> None:
    moved = (
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND oid >= 16384 "
        "AND relnamespace = 'public'::regnamespace AND pg_relation_filenode(oid) <> oid"
    )
    before = set(run(on_server, moved))
    run(on_server, ADD.format("pets"))
    strategies.put_back(on_server)
    assert set(run(on_server, moved)) - before == {"pets", "toys"}
    assert renewals.count == 0


def test_a_row_of_the_schema_in_the_way_costs_a_clone(
    database: Database, renewals: Renewals
) -> None:
    for statement in ("UPDATE kinds SET name = 'dog'", "DELETE FROM kinds", ADD.format("kinds"),
                      "DROP TABLE toys", "CREATE TABLE more (id int)",
                      "ALTER TABLE rocks ADD COLUMN more int"):  # fmt: skip
        run(database, statement)
        strategies.put_back(database)
        assert (statement, renewals.count) == (statement, 1)
        assert is_pristine(database)
        renewals.count = 0
    strategies.put_back(database)
    assert renewals.count == 0


@pytest.mark.engine
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE INDEX ON rocks (name)",
        "ALTER TABLE rocks ALTER COLUMN name SET DEFAULT 'x'",
        "ALTER TABLE rocks ADD CHECK (name <> '')",
        "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE TYPE mood AS ENUM ('sad')",
        "CREATE VIEW seen AS SELECT 1",
        "DROP SEQUENCE odd",
        "ALTER SEQUENCE odd INCREMENT 5",
        "REFRESH MATERIALIZED VIEW names",
        "ALTER TABLE rocks RENAME TO stones",
        "GRANT SELECT ON rocks TO PUBLIC",
        "INSERT INTO days VALUES (1)",
        "DO $$BEGIN INSERT INTO people VALUES (1); REFRESH MATERIALIZED VIEW names; END$$",
    ],
)
def test_whatever_was_changed_is_put_back(on_server: Database, statement: str) -> None:
    pristine = on_server.contents.pristine
    run(on_server, statement)
    strategies.put_back(on_server)
    assert on_server.contents.now().tables == pristine.tables
    assert is_pristine(on_server)
    for name in ("odd", "mood", "one", "seen", "stones"):
        found = "SELECT count(*) FROM pg_class WHERE relname = '{}' AND relkind <> 'i'"
        assert run(on_server, found.format(name)) == [int(name == "odd")]
    assert run(on_server, "SELECT count(*) FROM names") == [0]
    assert run(on_server, "SELECT seqincrement FROM pg_sequence WHERE seqrelid = 'odd'::regclass"
               ) == [1]  # fmt: skip


@pytest.mark.engine
def test_sequences_come_back_to_where_the_schema_left_them(
    on_server: Database, renewals: Renewals
) -> None:
    run(on_server, ADD.format("rocks"), ADD.format("people"), "SELECT nextval('odd')")
    strategies.put_back(on_server)
    # Without a row, and without a transaction's number: nothing of it is to be seen but this.
    with on_server.connect() as connection:
        connection.execute(text("SELECT nextval('odd'), nextval('rocks_id_seq')"))
        connection.rollback()
    strategies.put_back(on_server)
    assert run(on_server, "SELECT nextval('odd')") == [7]
    assert run(on_server, f"{ADD.format('rocks')} RETURNING id") == [101]
    assert run(on_server, f"{ADD.format('people')} RETURNING id") == [1]
    assert renewals.count == 0


def test_names_that_need_quotes(database: Database) -> None:
    odd = 'apart."Odd name"' if "postgres" in database.url else '"pets"'
    run(database, ADD.format(odd))
    assert database.contents.differences(database.contents.pristine)
    strategies.put_back(database)
    assert run(database, f"SELECT count(*) FROM {odd}") == [0]  # noqa: S608 - a constant


def test_pools_of_others_go_on_in_the_clone(database: Database) -> None:
    other = create_engine(database.url, pool_pre_ping=True)
    with other.begin() as connection:
        connection.execute(text(ADD.format("people")))
    database.renew()
    assert is_pristine(database)
    run(database, ADD.format("rocks"), ADD.format("rocks"))
    with other.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM rocks")) == 2
        assert connection.scalar(text("SELECT count(*) FROM people")) == 0
    other.dispose()


@pytest.mark.engine
def test_a_clone_ends_who_is_in_the_way(
    on_server: Database, monkeypatch: pytest.MonkeyPatch, renewals: Renewals
) -> None:
    monkeypatch.setattr(postgres_probe, "LOCK_TIMEOUT_MS", 100)
    on_server.contents.release()
    run(on_server, ADD.format("people"))
    with on_server.connect() as connection:
        connection.execute(text("SELECT * FROM people"))
        with pytest.raises(strategies.StillInUseError, match="people is locked by process"):
            strategies.put_back(on_server)
        connection.invalidate()
    assert renewals.count == 1
    assert is_pristine(on_server)
