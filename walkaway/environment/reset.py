"""Reset an environment's services between two leases: restore the databases, flush Redis.

The label `walkaway.reset` on a service of the Compose file says how: `postgres` or `redis`. Each
database is cloned from a copy made when the services came up, before any test. Databases created
since are dropped.
"""

from __future__ import annotations

from collections.abc import Mapping

from walkaway.environment import engine
from walkaway.environment.project import COMPOSE_PROJECT, LABEL_RESET, Project
from walkaway.errors import WalkawayError
from walkaway.model import exit_codes

_BOUND_S = 60.0
_PSQL = (
    'export PGPASSWORD="${POSTGRES_PASSWORD:-}"; db="${POSTGRES_DB:-${POSTGRES_USER:-postgres}}"; '
    'main=postgres; [ "$db" = postgres ] && main=template1; '  # cannot drop the current one
    'psql -qX -v ON_ERROR_STOP=1 -v VERBOSITY=terse -h 127.0.0.1 -U "${POSTGRES_USER:-postgres}" '
    '-d "$main" -v db="$db" -v kept="${db}__walkaway" -At <<\'SQL\'\n'
)
# psql quotes its own variables, and format() quotes names: nothing is pasted into SQL. Names of 53
# bytes leave room for the suffix of 10 within Postgres's 63.
_MINE = (
    "NOT datistemplate AND (datname <> 'postgres' OR datname = :'db') "
    "AND right(datname, 10) <> '__walkaway' AND octet_length(datname) <= 53"
)
_MISSING = "SELECT count(*) = 0 AS missing FROM pg_database WHERE datname = :'kept' \\gset\n"
_ALONE = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE datname IN (SELECT datname FROM pg_database WHERE NOT datistemplate) "
    "AND pid <> pg_backend_pid();\n"
)
_COPY = (
    "SELECT format('CREATE DATABASE %I TEMPLATE %I OWNER %I', "  # noqa: S608 - a constant
    "datname || '__walkaway', datname, pg_get_userbyid(datdba)) "
    f"FROM pg_database AS mine WHERE {_MINE} AND NOT EXISTS "
    "(SELECT FROM pg_database WHERE datname = mine.datname || '__walkaway') "
    "ORDER BY datname = :'db' \\gexec\n"  # the one that _MISSING looks for comes last
)
_DROP = (
    "SELECT format('DROP DATABASE %I WITH (FORCE)', datname) "  # noqa: S608 - a constant
    f"FROM pg_database WHERE {_MINE} \\gexec\n"
)
_BACK = (
    "SELECT format('CREATE DATABASE %I TEMPLATE %I OWNER %I', "
    "left(datname, -10), datname, pg_get_userbyid(datdba)) "
    "FROM pg_database WHERE right(datname, 10) = '__walkaway' \\gexec\n"
)
_NONE = "\\if :missing\nSELECT 'no copy of the database was kept'::int;\n\\endif\n"
_KEEP = f"{_PSQL}{_MISSING}\\if :missing\n{_ALONE}{_COPY}\\endif\nSQL\n"
_CLONE = f"{_PSQL}{_MISSING}{_NONE}{_ALONE}{_DROP}{_BACK}SQL\n"
_FLUSH = 'said=$(redis-cli -h 127.0.0.1 FLUSHALL 2>&1); echo "$said"; [ "$said" = OK ]'
"""redis-cli exits 0 even when Redis refuses, for example for lack of a password."""
_RESETS = {"postgres": _CLONE, "redis": _FLUSH}


def keep(project: Project, environ: Mapping[str, str]) -> None:
    """Copy the databases, once after the services came up. `WalkawayError` 69 when that fails."""
    for container, kind in _labelled(project, environ):
        if kind == "postgres":
            _run(container, _KEEP, environ)


def reset(project: Project, environ: Mapping[str, str]) -> None:
    """Reset every labelled service of an environment. `WalkawayError` 69 when one fails."""
    for container, kind in _labelled(project, environ):
        _run(container, _RESETS[kind], environ)


def _labelled(project: Project, environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return id and kind of the services to reset, including those that do not run."""
    words = ["docker", "ps", "--all", "--format", f'{{{{.ID}}}} {{{{.Label "{LABEL_RESET}"}}}}']
    for label in (f"{COMPOSE_PROJECT}={project.name}", LABEL_RESET):
        words += ["--filter", f"label={label}"]
    rows = [line.split() for line in engine.ask(words, environ).splitlines()]
    return [(row[0], row[1]) for row in rows if len(row) == 2 and row[1] in _RESETS]  # noqa: PLR2004


def _run(container: str, script: str, environ: Mapping[str, str]) -> None:
    done = engine.call(("docker", "exec", container, "sh", "-c", script), environ, _BOUND_S)
    if done.code:
        message = (
            f"A service could not be reset (its label {LABEL_RESET}): {done.why}\n"
            "Take the environment down and up again: inv down, inv up"
        )
        raise WalkawayError(message, exit_codes.NOT_STARTABLE)
