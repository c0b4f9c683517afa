"""How long `inv test-async` takes until the prompt is back, against `inv --list`.

Budget: `inv --list` + 60 ms. Run: .venv/bin/python bench/start.py
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from measure import BIN, ROOT, pairs, report, wall_s

INV = str(BIN / "inv")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        project = Path(name)
        (project / "tasks.py").write_text("from walkaway import ns\n__all__ = ['ns']\n")
        (project / "test_one.py").write_text("def test_one():\n    pass\n")
        environ = {"PYTHONPATH": str(ROOT), "WALKAWAY_ORIGIN": f"bench {os.getpid()}"}
        environ["PYTHONDONTWRITEBYTECODE"] = ""

        def listing() -> float:
            return wall_s([INV, "--list"], project, **environ)

        def start() -> float:
            took = wall_s([INV, "test-async", "--again"], project, **environ)
            wall_s([INV, "wait", "--timeout", "60"], project, **environ)
            return took

        listing()
        start()
        report("inv test-async against inv --list", 0.001, "ms", pairs(listing, start, 25))
        shutil.rmtree(project / "logs")


if __name__ == "__main__":
    main()
