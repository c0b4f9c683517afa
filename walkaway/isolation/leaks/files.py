"""Leak watch for temporary files: names in the worker's own temporary folder.

Files that a test writes to a fixed path elsewhere are not seen. `tmp_path` is pytest's, and pytest
removes it.
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
"""Longest path of the folder, in bytes. multiprocessing makes a socket
`pymp-XXXXXXXX/listener-XXXXXXXX` in it, and the address of a socket has 104 bytes on macOS, 108 on
Linux.
"""


class FilesWatch(SetWatch):
    kind = "files"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def things(self) -> Things:
        try:
            names = os.listdir(self._folder)  # noqa: PTH208 - only names, at a third of the cost
        except FileNotFoundError:  # a test removed the folder: make it for the next one
            self._folder.mkdir(parents=True)
            return frozenset()
        return frozenset(names) - {_of_multiprocessing()} if names else frozenset()

    def described(self, thing: Hashable) -> str:
        path = self._folder / str(thing)
        return f"{path}{os.sep if path.is_dir() else ''}"

    def restore(self, before: object) -> None:
        for name in self.things() - (cast("Things | None", before) or frozenset()):
            path = self._folder / str(name)
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _of_multiprocessing() -> str:
    """Return the name of multiprocessing's folder for sockets; it lives as long as the process."""
    module = sys.modules.get("multiprocessing.process")
    found = module.current_process()._config.get("tempdir") if module else None  # noqa: SLF001 - the only way to it
    return os.path.basename(found or "")  # noqa: PTH119 - no Path object for every test


@contextmanager
def own_folder(preferred: Path) -> Iterator[Path]:
    """Make this folder the temporary folder of this process and its children.

    Where its name is too long for sockets, a folder with a shorter name is made and yielded.
    """
    long = len(os.fsencode(preferred)) > _LONGEST
    folder = Path(tempfile.mkdtemp(prefix="walkaway-")) if long else preferred
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
    """Remove a folder.

    If multiprocessing uses it, wait until exit, after multiprocessing's own clean-up.
    """
    name = _of_multiprocessing()
    if name and (folder / name).exists():
        from multiprocessing import util

        # A lower priority runs later; multiprocessing removes its own folder at -100.
        util.Finalize(None, shutil.rmtree, (folder, True), exitpriority=-200)
    else:
        shutil.rmtree(folder, ignore_errors=True)
