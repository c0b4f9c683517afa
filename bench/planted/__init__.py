"""Faults to plant in the product, by the kind of test that should find them."""

from __future__ import annotations

from planted import deciding, engine, isolation, pytest_side, running
from planted.fault import Fault

FAULTS: tuple[Fault, ...] = (
    *deciding.FAULTS,
    *running.FAULTS,
    *pytest_side.FAULTS,
    *engine.FAULTS,
    *isolation.FAULTS,
)
