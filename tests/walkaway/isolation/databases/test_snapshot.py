"""The plan to get from one picture of a database to another. Pure."""

from __future__ import annotations

from dataclasses import replace

from walkaway.isolation.databases.snapshot import EMPTY, Emptying, Links, Picture, Rows, plan

REFERRING = {"country": ["city"], "city": ["street"], "street": []}
LINKS = Links(REFERRING, unfit=(), positions={}, restarted={})
BEFORE = Picture("shape", dict.fromkeys(["country", "city", "street", "user"], EMPTY), {})


def test_what_refers_to_an_emptied_table_is_emptied_too_at_any_distance() -> None:
    now = replace(BEFORE, tables={**BEFORE.tables, "country": Rows(1, 7)})
    assert plan(BEFORE, now, LINKS) == Emptying(("city", "country", "street"))
