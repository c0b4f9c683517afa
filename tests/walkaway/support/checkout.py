"""A copy of this checkout, as a new user has it: with git's files only."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

REPOSITORY = Path(__file__).resolve().parents[3]
TIME_LIMIT_S = 120

PROBE = '''\
"""Tasks that say what reached them."""

import json
import os
import sys

from invoke.collection import Collection
from invoke.tasks import task


def tell():
    ours = sorted(name for name in os.environ if name.startswith("WALKAWAY_"))
    print(json.dumps({"argv": sys.argv, "ours": ours, "ci": os.environ.get("CI")}))


@task(name="test-async", auto_shortflags=False)
def test_async(c, workers=""):
    tell()


@task(auto_shortflags=False)
def progress(c, run="", json=False):
    tell()


@task(auto_shortflags=False)
def wait(c, run="", timeout=""):
    tell()


ns = Collection(test_async, progress, wait)
'''


@dataclass(frozen=True, slots=True)
class Checkout:
    """A scratch checkout; commands run in it without what make and walkaway leave behind."""

    root: Path

    def run(
        self, *argv: str | Path, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv,
            cwd=self.root,
            env=clean_environment() | dict(env or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=TIME_LIMIT_S,
            check=False,
        )

    def make(
        self, *words: str, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return self.run("make", *words, env=env)

    def use_probe_tasks(self) -> None:
        """Replace the project's tasks by some that print the arguments that reached them."""
        (self.root / "tasks.py").write_text(PROBE, encoding="utf-8")

    def script(self, name: str) -> ModuleType:
        """Import `scripts/<name>.py` of this checkout."""
        path = self.root / "scripts" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(f"scratch_{name}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


def clean_environment() -> dict[str, str]:
    """This process's environment, less what a surrounding make or run has put there."""
    mine = {
        "ARGS",
        "OPTS",
        "CI",
        "VIRTUAL_ENV",
        "MAKEFLAGS",
        "MFLAGS",
        "MAKELEVEL",
        "MAKEOVERRIDES",
    }
    return {
        name: value
        for name, value in os.environ.items()
        if name not in mine and not name.startswith(("WALKAWAY_", "PYTEST_"))
    }


def copy_checkout(target: Path) -> Checkout:
    """Copy what git tracks or would track; no .venv, no records."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    ).stdout
    for name in listed.decode().split("\0"):
        source = REPOSITORY / name
        if name and source.is_file():  # a tracked file may have been deleted
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)
    return Checkout(target)


def lend_venv(checkout: Checkout) -> None:
    """Give the checkout a .venv that sees this Python's packages, stamped as up to date."""
    venv = checkout.root / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    (packages,) = venv.glob("lib/python*/site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    bootstrap = checkout.script("bootstrap")
    bootstrap.STAMP.write_text(bootstrap.stamp_text(), encoding="utf-8")
