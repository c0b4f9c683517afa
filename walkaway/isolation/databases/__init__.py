"""Test databases: one per worker, cloned from a template built once per run, and kept clean.

A project defines their contents once, in conftest.py::

    @pytest.fixture(scope="session")
    def database_schema():
        return Schema.of(Base.metadata)  # or Schema.by(create, files=["migrations"])

Its tests ask for `transactional_db`, `db_session`, `clean_db`, `test_db` or `test_database`.

The marker `database` picks a strategy. Costs are for a whole test, on Postgres with 60 tables
(bench/isolation.py):

rollback (default), 5 ms; a bit more with async sessions, which open a connection
    Isolates everything that goes through the session, including its commits and DDL. Does not
    isolate what other connections commit (the leak check finds that), nor sequences: ids go on
    counting.
truncate, 11 ms
    Isolates commits of any connection, and sequences. Does not isolate a connection that still
    writes after the test; the error names it. Where emptying tables is not enough (changed rows
    of the schema, DDL), it becomes a clone.
clone, 57 ms
    Isolates everything in a database, whoever changed it.
separate, 40 ms
    A database for this test alone, with nothing from other tests in it.

No strategy isolates roles and settings of the server. Rows made by fixtures of wider scope do not
survive truncate and clone: put them into the schema. On SQLite each strategy costs 2 to 5 ms.

Must not import SQLAlchemy before a test asks for a fixture.
"""

from __future__ import annotations

from walkaway.isolation.databases.schema import Schema

__all__ = ["Schema"]
