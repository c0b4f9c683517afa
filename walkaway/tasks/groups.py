"""The groups of tasks, to be taken whole or singly.

    from walkaway.tasks.groups import compose, run, upkeep
    ns = compose(run, upkeep)

Each group is a collection that works alone, too (``ns = run``). `compose` keeps the names flat:
`inv test-async`, not `inv run.test-async`; ``ns.add_collection(run)`` does the latter.
"""

from __future__ import annotations

from invoke.collection import Collection

from walkaway.tasks import ci as _ci
from walkaway.tasks import containers, inspect_runs, logs, start
from walkaway.tasks import doctor as _doctor
from walkaway.tasks import environment as _environment
from walkaway.tasks import hunt as _hunt
from walkaway.tasks import quality as _quality
from walkaway.tasks import upkeep as _upkeep

__all__ = ["compose", "environment", "hunt", "ns", "quality", "run", "upkeep"]

# No `configure`: where a value in invoke.yaml is of another kind than a default, Invoke fails with
# a traceback. `invoke_adapter.here` reads what is configured, `walkaway.settings` checks it.

run = Collection(
    "run",
    start.test,
    start.test_async,
    inspect_runs.progress,
    inspect_runs.wait,
    inspect_runs.failures,
    inspect_runs.results,
    logs.log,
    inspect_runs.stop,
    inspect_runs.runs,
)
environment = Collection(
    "environment",
    _environment.build,
    _environment.up,
    _environment.down,
    _environment.health,
    containers.service_logs,
    containers.shell,
    _doctor.doctor,
)
upkeep = Collection("upkeep", _upkeep.rotate_logs, _upkeep.compile_deps)
hunt = Collection("hunt", _hunt.flaky)
quality = Collection("quality", _quality.lint, _quality.check, _quality.check_fast, _ci.ci)


def compose(*groups: Collection) -> Collection:
    """Return one flat collection of several groups; add tasks of your own with `add_task`.

    A fresh one at every call: what a project adds to it is nobody else's.
    """
    whole = Collection()
    for group in groups:
        for task in dict.fromkeys(group.tasks.values()):
            whole.add_task(task)
    return whole


ns = compose(run, environment, upkeep, hunt, quality)
