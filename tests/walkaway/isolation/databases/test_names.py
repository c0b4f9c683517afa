"""Names of databases fit a server, and tell whose they are."""

from __future__ import annotations

import re

import pytest

from walkaway.isolation.databases.names import Base

RUN = "0123456789"
BASES = ("gaia_test", "Gaia-Test", "gaia-test", "gaia", "gaia_test_0123456789", "x" * 63,
         "x" * 62 + "y", "datenbank ä", "0123456789", "gaia_0123456789")  # fmt: skip


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("role", ["main", "gw0", "gw17x123456", "template", "w" * 60, "building"])
def test_a_name_fits_and_belongs_to_its_base_alone(base: str, role: str) -> None:
    name = Base.of(base).name(RUN, role)
    assert len(name.encode()) <= 63
    assert re.fullmatch(r"[a-z0-9_]+", name)
    mine = [other for other in BASES if re.search(Base.of(other).pattern, name)]
    assert mine == [base]


def test_long_roles_stay_apart() -> None:
    base = Base.of("gaia_test")
    assert base.name(RUN, "w" * 60) != base.name(RUN, "w" * 59)
