"""A folder in which numba keeps compiled code, where it finds none by itself.

Without one it refuses to work. That is so for a program that another user installed, in a service
without a home.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import platformdirs

import reduction.engines
import simulator

CACHE_VARIABLE = "NUMBA_CACHE_DIR"


@contextmanager
def compiled_code_kept() -> Iterator[None]:
    """A context in which numba has a folder, here and in children: a temporary one if need be."""
    if has_folder(os.environ):
        yield
        return
    folder = tempfile.mkdtemp(prefix="live-reduction-code-")
    os.environ[CACHE_VARIABLE] = folder
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def has_folder(environment: Mapping[str, str]) -> bool:
    """Whether numba can write in one of the folders where it looks: told, by the code, or home."""
    if told := environment.get(CACHE_VARIABLE):
        return _is_written(Path(told))
    by_code = [Path(each.__file__ or "").parent for each in (reduction.engines, simulator)]
    return all(map(_is_written, by_code)) or _is_written(platformdirs.user_cache_path("numba"))


def _is_written(folder: Path) -> bool:
    """Whether a file can be made in a folder, which is made first if it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
