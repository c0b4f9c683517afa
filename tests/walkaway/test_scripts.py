"""The two scripts forward every form of old to the tasks, arguments as typed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import Any

import pytest

from tests.walkaway.support.checkout import REPOSITORY, Checkout, copy_checkout, lend_venv

SCRIPTS = (
    "scripts/pytest-for-claude.sh",
    "scripts/check-test-progress.sh",
    ".ci/run",
    ".ci/engine",
    ".ci/images/postgres/entrypoint",
    ".ci/images/redis/entrypoint",
)


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Tasks that tell what reached them."""
    checkout = copy_checkout(tmp_path_factory.mktemp("checkout with spaces"))
    lend_venv(checkout)
    checkout.use_probe_tasks()
    return checkout


def told(checkout: Checkout, script: str, *args: str) -> dict[str, Any]:
    result = checkout.run(checkout.root / "scripts" / script, *args)
    assert result.returncode == 0, result.stderr
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["-v", "-s", "--tb=short"],
        ["tests/unit", "-v"],
        ["tests/"],
        ["-m", "not slow", "-v"],
        ["-n", "auto"],
        ["-n", "2"],
        ["-k", "a or b", "tests/test_a.py::test_b[x y]", "$(touch pwned)", "it's", "a\nb", ""],
    ],
    ids=lambda args: " ".join(args)[:30] or "none",
)
def test_every_form_of_old_starts_the_tests(probe: Checkout, args: list[str]) -> None:
    argv = told(probe, "pytest-for-claude.sh", *args)["argv"][1:]
    assert argv == ["test-async", *(["--", *args] if args else [])]
    assert not (probe.root / "pwned").exists()


def test_ci_mode_is_the_environment_of_ci(probe: Checkout) -> None:
    there = told(probe, "pytest-for-claude.sh", "-x", "--ci-mode", "tests/a b")
    assert there["argv"][1:] == ["test-async", "--", "-x", "tests/a b"]
    assert there["ci"] == "true"
    alone = told(probe, "pytest-for-claude.sh", "--ci-mode")
    assert alone["argv"][1:] == ["test-async"]
    assert told(probe, "pytest-for-claude.sh")["ci"] is None


def test_the_progress_script_looks_and_with_wait_waits_to_the_end(probe: Checkout) -> None:
    assert told(probe, "check-test-progress.sh")["argv"][1:] == ["progress"]
    look = told(probe, "check-test-progress.sh", "--run", "7f3a")
    assert look["argv"][1:] == ["progress", "--run", "7f3a"]
    waiting = told(probe, "check-test-progress.sh", "--wait", "--run", "7f3a")
    assert waiting["argv"][1:] == ["wait", "--timeout", "86400", "--run", "7f3a"]


def test_the_scripts_work_from_another_folder_and_under_make(probe: Checkout) -> None:
    script = probe.root / "scripts" / "pytest-for-claude.sh"
    environment = {"MAKEFLAGS": "n -j4 --jobserver-auth=3,4", "PATH": os.environ["PATH"]}
    result = subprocess.run(
        [script, "-x"], cwd="/", env=environment, capture_output=True, check=True, timeout=60
    )
    assert json.loads(result.stdout)["argv"][1:] == ["test-async", "--", "-x"]


@pytest.mark.skipif(
    shutil.which("shellcheck") is None and not os.environ.get("CI"),
    reason="shellcheck is not installed (Debian: apt-get install shellcheck); CI always has it",
)
def test_the_scripts_pass_shellcheck() -> None:
    subprocess.run(["shellcheck", *SCRIPTS], cwd=REPOSITORY, check=True, timeout=60)
