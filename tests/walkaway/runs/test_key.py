"""Which runs are identical: a start joins a live run only if it would do exactly the same."""

from __future__ import annotations

import pytest

from tests.walkaway.support.scratch import limits
from walkaway.model.run import Compose, Origin, Run
from walkaway.runs import start

IN_COMPOSE = Run(
    id="", root="/there", cwd="/there", args=(), argv=("pytest",), created_s=0.0,
    started_boot=0.0, label="", origin=Origin("shell", ""), limits=limits(), backend="compose",
    compose=Compose(),
)  # fmt: skip


def of(compose: Compose) -> str:
    return start.key(IN_COMPOSE._replace(compose=compose), ())


@pytest.mark.parametrize(
    "other", [Compose(services=False), Compose(service="other"), Compose(files=("ci.yml",))]
)
def test_a_run_beside_other_services_is_another_one(other: Compose) -> None:
    assert of(other) != of(Compose())


def test_the_number_of_environments_makes_no_other_run() -> None:
    assert of(Compose(slots=3)) == of(Compose())
