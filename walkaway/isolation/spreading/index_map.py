"""Plan what the mode's own scheduler sees and what is held back from it. Pure.

The scheduler deals out *units*: a test, or with groups a whole group. Serial tests are in none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from walkaway.isolation.spreading.worker_report import WorkerReport

NO_UNIT = -1


@dataclass(frozen=True, slots=True)
class Plan:
    """The units of a collection. `names[u]` is the inner scheduler's name for `units[u]`."""

    ids: list[str]
    names: list[str]
    units: list[list[int]]
    unit_of: list[int]
    serial: list[int]
    grouped: bool
    """Whether units can have several tests. Then a unit's name is its number."""

    @property
    def plain(self) -> bool:
        """Whether each unit is one collected test and nothing is held back."""
        return not self.grouped and not self.serial

    def tests(self, units: Sequence[int]) -> list[int]:
        """Return the tests of these units, in order."""
        return [index for unit in units for index in self.units[unit]]

    def units_with(self, tests: Sequence[int]) -> list[int]:
        """Return the units of these tests, each once, in order."""
        return list(dict.fromkeys(self.unit_of[index] for index in tests))


def merge(reports: Sequence[WorkerReport]) -> WorkerReport:
    """Merge the reports of workers with the same ids. A test is serial if any worker says so."""
    serial = frozenset[int]().union(*(one.serial for one in reports))
    return WorkerReport(serial, next((one.groups for one in reports if one.groups), {}))


def make(ids: list[str], report: WorkerReport, *, units: bool, together: bool) -> Plan:
    """Plan a collection.

    Args:
        ids: The tests, the same in every worker.
        report: Which of them are serial, and the groups.
        units: Whether a group is one unit. If not, the mode has its own idea of what stays
            together.
        together: Whether groups count at all. If so, one serial test makes its whole group serial:
            only then does the group run on one worker, in order, and alone.
    """
    groups = report.groups if together else {}
    serial = set(report.serial)
    for members in groups.values():
        if not serial.isdisjoint(members):
            serial.update(members)
    group_of = {i: name for name, members in groups.items() for i in members} if units else {}
    found: list[list[int]] = []
    unit_of = [NO_UNIT] * len(ids)
    unit_of_group: dict[str, int] = {}
    for index in range(len(ids)):
        if index in serial:
            continue
        group = group_of.get(index)
        unit = len(found) if group is None else unit_of_group.setdefault(group, len(found))
        if unit == len(found):
            found.append([])
        found[unit].append(index)
        unit_of[index] = unit
    grouped = bool(group_of)
    names = [str(n) if grouped else ids[tests[0]] for n, tests in enumerate(found)]
    return Plan(ids, names, found, unit_of, sorted(serial), grouped)
