"""Files that are on disk whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path


def replace(files: Iterable[tuple[Path, bytes]]) -> list[Path]:
    """Write contents to paths: each beside its place, and moved there once all are written.

    Returns the paths, once files and folders are synced. Raises OSError with path and reason; then
    every path has what it had before, unless moving or syncing itself failed, and nothing is left
    beside it. A process killed meanwhile leaves at most hidden files ``.NAME.….part``; what is at
    each path is whole, old or new. ``files`` may be a generator: it is asked for one at a time.
    """
    with contextlib.ExitStack() as leftovers:
        staged = [(_stage(path, content, leftovers), path) for path, content in files]
        for part, path in staged:
            with _blaming(path):
                part.replace(path)
    paths = [path for _, path in staged]
    for folder in dict.fromkeys(path.parent for path in paths):
        sync_folder(folder)
    return paths


def sync_folder(folder: Path) -> None:
    """Have the names in ``folder`` outlast a loss of power."""
    with _blaming(folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _stage(path: Path, content: bytes, leftovers: contextlib.ExitStack) -> Path:
    """``content`` on disk beside ``path``, removed by ``leftovers`` unless it has moved on."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    # Not tempfile's: its files are for their owner alone, results are for the umask to share.
    with _blaming(path), part.open("xb") as file:
        leftovers.callback(part.unlink, missing_ok=True)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return part


@contextlib.contextmanager
def _blaming(path: Path) -> Iterator[None]:
    """An OSError inside names ``path``."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
