"""Test databases: one a worker, cloned from a template that is made once, and kept clean.

| strategy | a test costs | isolates | does not |
|---|---|---|---|
| rollback (default) | 1 ms | all that goes through its session, commits included | what other
connections commit; sequences |
| truncate | 3 to 6 ms | commits of any connection; sequences | whoever still writes afterwards |
| clone | 20 to 60 ms | altered and dropped tables too | as above |
| separate | 20 to 60 ms | all of it, also from what ran before | roles and server settings |

Must not import SQLAlchemy before a fixture is asked for.
"""

from __future__ import annotations

from walkaway.isolation.databases.schema import Schema

__all__ = ["Schema"]
