"""Temporary files that the test left: names in the worker's own temporary folder.

What a test writes to a fixed path elsewhere is not seen; `tmp_path` is pytest's, and removed by it.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

from walkaway.isolation.leaks.new_items import SetWatch, Things

_LONGEST: Final = 70
"""Bytes of a folder in whose `pymp-XXXXXXXX/listener-XXXXXXXX` multiprocessing can make a socket:
the address of one has 104 bytes on macOS, 108 on Linux."""


class FilesWatch(SetWatch):
    kind = "files"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def things(self) -> Things:
        try:
            names = os.listdir(self._folder)  # noqa: PTH208 - names, at a third of the cost
        except FileNotFoundError:  # a test removed it: so that the next one has it
            self._folder.mkdir(parents=True)
            return frozenset()
        return frozenset(names) - {_of_multiprocessing()} if names else frozenset()

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


def _of_multiprocessing() -> str:
    """Return the name of multiprocessing's folder: for sockets, as long as the process lives."""
    module = sys.modules.get("multiprocessing.process")
    found = module.current_process()._config.get("tempdir") if module else None  # noqa: SLF001 - the only way to it
    return os.path.basename(found or "")  # noqa: PTH119 - no Path for every test


@contextmanager
def own_folder(wanted: Path) -> Iterator[Path]:
    """Have temporary files of this process and its children made in here.

    In a folder with a shorter name where sockets could not be made in this one.
    """
    long = len(os.fsencode(wanted)) > _LONGEST
    folder = Path(tempfile.mkdtemp(prefix="walkaway-")) if long else wanted
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
        if long:
            _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder; one that multiprocessing uses after it has removed its own, at exit."""
    name = _of_multiprocessing()
    if name and (folder / name).exists():
        from multiprocessing import util

        # A lower priority is a later turn; its own folder has -100.
        util.Finalize(None, shutil.rmtree, (folder, True), exitpriority=-200)
    else:
        shutil.rmtree(folder, ignore_errors=True)
