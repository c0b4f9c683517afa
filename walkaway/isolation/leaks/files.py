"""Temporary files that the test left: names in the worker's own temporary folder.

What a test writes to a fixed path elsewhere is not seen; `tmp_path` is pytest's, and removed by it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from walkaway.isolation.leaks.sets import SetWatch, Things


class FilesWatch(SetWatch):
    kind = "files"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def things(self) -> Things:
        try:
            return frozenset(os.listdir(self._folder))  # noqa: PTH208 - names, at a third of the cost
        except FileNotFoundError:  # a test removed it: so that the next one has it
            self._folder.mkdir(parents=True)
            return frozenset()

    def described(self, thing: Hashable) -> str:
        path = self._folder / str(thing)
        return f"{path}{os.sep if path.is_dir() else ''}"

    def mend(self, before: object) -> None:
        for name in self.things() - (cast("Things | None", before) or frozenset()):
            path = self._folder / str(name)
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


@contextmanager
def own_folder(folder: Path) -> Iterator[Path]:
    """Have temporary files of this process and its children made in here."""
    folder.mkdir(parents=True, exist_ok=True)
    variable, found = os.environ.get("TMPDIR"), tempfile.tempdir
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    try:
        yield folder
    finally:
        tempfile.tempdir = found
        if variable is None:
            os.environ.pop("TMPDIR", None)
        else:
            os.environ["TMPDIR"] = variable
