"""Test databases: one a worker, cloned from a template that is made once, and kept clean.

A project says once what they hold, in conftest.py::

    @pytest.fixture(scope="session")
    def database_schema():
        return Schema.of(Base.metadata)  # or Schema.by(create, files=["migrations"])

and its tests ask for `transactional_db`, `db_session`, `clean_db`, `test_db` or `test_database`.
The marker `database` picks a strategy; costs are a whole test's, on Postgres with 60 tables
(bench/isolation.py):

rollback (default), 5 ms; asynchronously some more, for a connection
    Isolates all that goes through the session, its commits and DDL included. Not what other
    connections commit, which the leak check finds, and not sequences: ids go on counting.
truncate, 11 ms
    Isolates commits of any connection, and sequences. Not who still writes after the test, who is
    named. Where emptying would not do (changed rows of the schema, DDL) it turns into a clone.
clone, 57 ms
    Isolates all that is in a database, whoever did it.
separate, 40 ms
    A database of the test alone; nothing of other tests is in it either.

None isolates roles and settings of the server. Rows that fixtures of wider scope make do not
survive truncate and clone: let the schema make them. On SQLite each costs 2 to 5 ms.

Must not import SQLAlchemy before a fixture is asked for.
"""

from __future__ import annotations

from walkaway.isolation.databases.schema import Schema

__all__ = ["Schema"]
