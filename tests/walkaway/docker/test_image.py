"""What goes into the test image, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.walkaway.support.checkout import REPOSITORY
from tests.walkaway.support.engine import docker, scratch_project

pytestmark = pytest.mark.engine
PLANTED = (
    ".git/config",
    ".venv/bin/python",
    ".env",
    "app/.env",
    "app/.env.production",
    "app/server.key",
    "app/server.pem",
    "app/__pycache__/x.cpython-311.pyc",
    "app/x.pyc",
    "bench/x.py",
    "docs/guide.md",
    "logs/tests/pytest/x.log",
    "node_modules/x/index.js",
    "requirements-secret.txt",
    "app/.idea/workspace.xml",
    "app/.pytest_cache/v/x",
    "tests/unit/test_x.py",
    "walkaway/x.py",
)
INSTALLED = ("chromium", "curl", "ping", "pytest")


def test_the_context_holds_what_the_image_is_made_of_and_nothing_else(tmp_path: Path) -> None:
    project = scratch_project(tmp_path / "project")
    wanted = {
        str(path.relative_to(project)) for path in (project / "app").rglob("*") if path.is_file()
    } | {
        "pytest.ini",
        "pyproject.toml",
        "requirements.txt",
        "requirements-test.txt",
        "requirements-dev.txt",
    }
    for name in PLANTED:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("secret\n", encoding="ascii")
    out = tmp_path / "out"
    docker("build", "--quiet", "--file", "-", "--output", f"type=local,dest={out}", ".",
           cwd=project, text="FROM scratch\nCOPY . /\n")  # fmt: skip
    sent = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert sent == wanted


def test_any_user_can_run_what_the_tests_need(built_image: str) -> None:
    found = docker("run", "--rm", "--user", "4321:4321", "--security-opt", "no-new-privileges",
                   built_image, "sh", "-c", 'for name; do command -v "$name"; done', "sh",
                   *INSTALLED).stdout.split()  # fmt: skip
    assert [Path(name).name for name in found] == list(INSTALLED)
    mounts = [w for n in ("tests", "walkaway") for w in ("-v", f"{REPOSITORY / n}:/app/{n}:ro")]
    done = docker("run", "--rm", "--user", "4321:4321", *mounts, built_image,
                  "pytest", "-q", "tests/unit/test_text.py")  # fmt: skip
    assert " passed" in done.stdout


def test_the_browser_starts(built_image: str) -> None:
    page = docker("run", "--rm", "--init", "--user", "4321:4321", built_image, "chromium",
                  "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                  "--dump-dom", "data:text/html,<p>it works</p>").stdout  # fmt: skip
    assert "<p>it works</p>" in page


def test_nothing_has_to_be_compiled_to_start_pytest(built_image: str) -> None:
    compiled = docker("run", "--rm", built_image, "sh", "-c",
                      "touch /tmp/now && pytest --version >/dev/null && "
                      "find /opt/pycache -name '*.pyc' -newer /tmp/now").stdout  # fmt: skip
    assert compiled == ""


def test_nothing_has_to_be_compiled_to_start_a_service(built_image: str) -> None:
    imported = "import app.gateway.api, app.auth.api, app.chat.api, app.kb.api, app.web.api"
    compiled = docker("run", "--rm", "--user", "0:0", built_image, "sh", "-c",
                      f"touch /tmp/now && python -c '{imported}' && "
                      "find /opt/pycache -name '*.pyc' -newer /tmp/now").stdout  # fmt: skip
    assert compiled == ""


def test_services_do_not_run_as_root(built_image: str) -> None:
    assert docker("run", "--rm", built_image, "id", "-u").stdout.strip() == "1000"


def test_uv_and_packages_stay_out(built_image: str) -> None:
    left = docker("run", "--rm", built_image, "sh", "-c",
                  "command -v uv; ls /opt; find /var/cache/apt -name 'chro*'").stdout  # fmt: skip
    assert left.split() == ["pycache", "venv"]
