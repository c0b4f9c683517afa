"""Making an environment's services fresh between two leases: a database cloned, Redis flushed.

A service of the Compose file says by its label `walkaway.reset` how: `postgres` or `redis`. The
database is cloned from a template that is kept when the services came up, before any test.
"""

from __future__ import annotations

from collections.abc import Mapping

from walkaway.environment import engine
from walkaway.environment.project import COMPOSE_PROJECT, LABEL_RESET, Project
from walkaway.errors import WalkawayError
from walkaway.model import exitcodes

_BOUND_S = 60.0
_SQL = (
    'psql -qX -v ON_ERROR_STOP=1 -h 127.0.0.1 -U "${POSTGRES_USER:-postgres}" -d postgres'
    ' -v db="${POSTGRES_DB:-${POSTGRES_USER:-postgres}}"'
    ' -v kept="${POSTGRES_DB:-${POSTGRES_USER:-postgres}}__walkaway"'
)
_LOGIN = 'export PGPASSWORD="${POSTGRES_PASSWORD:-}"; '
_ALONE = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE datname IN (:'db', :'kept') AND pid <> pg_backend_pid();\n"
)
_PSQL = _LOGIN + _SQL + " -At <<'SQL'\n"
_MISSING = "SELECT count(*) = 0 AS missing FROM pg_database WHERE datname = :'kept' \\gset\n"
_COPY = 'CREATE DATABASE :"kept" TEMPLATE :"db";\n'
_DROP = 'DROP DATABASE IF EXISTS :"db" WITH (FORCE);\n'
_BACK = 'CREATE DATABASE :"db" TEMPLATE :"kept";\n'
# psql's own variables, quoted by psql as names and strings: nothing is pasted into SQL here.
_KEEP = f"{_PSQL}{_MISSING}\\if :missing\n{_ALONE}{_COPY}\\endif\nSQL\n"
_CLONE = f"{_PSQL}{_ALONE}{_DROP}{_BACK}SQL\n"
_FLUSH = "redis-cli -h 127.0.0.1 FLUSHALL"
_RESETS = {"postgres": _CLONE, "redis": _FLUSH}


def keep(project: Project, environ: Mapping[str, str]) -> None:
    """Keep the databases as they are, once after the services came up. `WalkawayError` 69."""
    for container, kind in _labelled(project, environ):
        if kind == "postgres":
            _run(container, _KEEP, environ)


def reset(project: Project, environ: Mapping[str, str]) -> None:
    """Make every labelled service of an environment fresh. `WalkawayError` 69 when one fails."""
    for container, kind in _labelled(project, environ):
        _run(container, _RESETS[kind], environ)


def _labelled(project: Project, environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return id and kind of the running services that are to be reset."""
    words = ["docker", "ps", "--format", f'{{{{.ID}}}} {{{{.Label "{LABEL_RESET}"}}}}']
    for label in (f"{COMPOSE_PROJECT}={project.name}", LABEL_RESET):
        words += ["--filter", f"label={label}"]
    rows = [line.split() for line in engine.ask(words, environ).splitlines()]
    return [(row[0], row[1]) for row in rows if len(row) == 2 and row[1] in _RESETS]  # noqa: PLR2004


def _run(container: str, script: str, environ: Mapping[str, str]) -> None:
    done = engine.call(("docker", "exec", container, "sh", "-c", script), environ, _BOUND_S)
    if done.code:
        message = (
            f"A service could not be made fresh (its label {LABEL_RESET}): {done.why}\n"
            "Take the environment down and up again: inv down, inv up"
        )
        raise WalkawayError(message, exitcodes.NOT_STARTABLE)
