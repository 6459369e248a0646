"""Files that appear at once: readers see the old or the new content, never a part of it."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path


def replace(files: Iterable[tuple[Path, bytes]]) -> list[Path]:
    """Write ``files``, given as paths and contents, and return the paths.

    Each file is first written under a hidden name ``.NAME.….part`` in the same folder. Once all are
    written they are renamed, and files and folders are synced to disk. ``files`` may be a
    generator: its items are taken one at a time.

    Raises OSError with path and reason. Then no file has changed, unless renaming or syncing
    failed, and no hidden file is left. A process that is killed may leave hidden files.
    """
    with contextlib.ExitStack() as leftovers:
        written = [(_written(path, content, leftovers), path) for path, content in files]
        for part, path in written:
            with _naming(path):
                part.replace(path)
    paths = [path for _, path in written]
    for folder in dict.fromkeys(path.parent for path in paths):
        sync_folder(folder)
    return paths


def create(
    files: Iterable[tuple[Path, bytes]], before_naming: Callable[[], None] = lambda: None
) -> list[Path]:
    """Write new ``files``, given as paths and contents, and return the paths: all files or none.

    As `replace`, but a file that exists already, also one that another process makes meanwhile, is
    never touched: FileExistsError names it, and the files that this call has made are gone again.
    ``before_naming`` is called once all are written; if it raises, no file has appeared.
    """
    with contextlib.ExitStack() as leftovers, contextlib.ExitStack() as undo:
        written = [(_written(path, content, leftovers), path) for path, content in files]
        before_naming()
        for part, path in written:
            with _naming(path):
                _take_name(part, path)
            undo.callback(path.unlink, missing_ok=True)
        undo.pop_all()
    paths = [path for _, path in written]
    for folder in dict.fromkeys(path.parent for path in paths):
        sync_folder(folder)
    return paths


def replace_own(path: Path, content: bytes) -> None:
    """Write a file that only this process writes, as `replace`; removes what killed ones have left.

    Raises OSError with path and reason.
    """
    replace([(path, content)])
    for part in path.parent.glob(f".{glob.escape(path.name)}.{'[0-9a-f]' * 8}.part"):
        part.unlink(missing_ok=True)


NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
"""What linking fails with on file systems without hard links, such as FAT and some network ones."""


def _take_name(part: Path, path: Path) -> None:
    """Give the file ``part`` the name ``path``; raises FileExistsError if there is one."""
    try:
        os.link(part, path)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        with path.open("xb"):
            pass
        part.replace(path)


def sync_folder(folder: Path) -> None:
    """Sync ``folder`` to disk, so that the names in it survive a loss of power."""
    with _naming(folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _written(path: Path, content: bytes, leftovers: contextlib.ExitStack) -> Path:
    """The hidden file with ``content`` for ``path``; ``leftovers`` removes it if it is left."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    # Files of tempfile are readable by their owner alone; results follow the umask.
    with _naming(path), part.open("xb") as file:
        leftovers.callback(part.unlink, missing_ok=True)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return part


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Make an OSError that is raised inside name ``path``."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
