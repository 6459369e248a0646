"""Saving results under names: NeXus and text beside it, all of it or nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from reduction.files import nexus_writer, xye
from reduction.files.saved_result import SavedResult
from reduction.host import atomic_files
from reduction.parameters.file_names import check_name


def save(result: SavedResult, folder: Path, name: str) -> list[Path]:
    """Write ``name.nxs``, ``name.xye`` and, if sliced, ``name_slice1.xye`` ff. into ``folder``.

    As `save_together` does for one result.
    """
    return save_together({name: result}, folder)


def save_together(results: Mapping[str, SavedResult], folder: Path) -> list[Path]:
    """Write the files of results by their names into ``folder``: all files or none.

    All are written before any takes its place, so a full disk leaves all as they were; the NeXus
    files come last, so once one is new, all text is. Text of slices that an earlier result of such
    a name had beyond this one's is removed. A folder that is not there is made if its parent is: a
    new run's folder is meant, a mistyped path is not.

    Returns the paths, NeXus first, once they are on disk. Raises `Refused` for a name that is none,
    OSError with path and reason, or ValueError as `nexus_writer.write_nexus`.
    """
    for name in results:
        check_name(name)
    _make(folder)
    written = atomic_files.replace(_files(results, folder))
    for name, result in results.items():
        for path in _surplus(folder / f"{name}.xye", len(result.slice_bounds)):
            path.unlink(missing_ok=True)
    texts = len(written) - len(results)
    return [*written[texts:], *written[:texts]]


def _files(results: Mapping[str, SavedResult], folder: Path) -> Iterator[tuple[Path, bytes]]:
    for name, result in results.items():
        yield from xye.files(result, folder / f"{name}.xye")
    for name, result in results.items():
        whole = folder / f"{name}.nxs"
        yield whole, nexus_writer.contents(result, whole)


def _make(folder: Path) -> None:
    try:
        folder.mkdir()
    except FileExistsError:
        if not folder.is_dir():
            raise NotADirectoryError(20, "not a folder", str(folder)) from None
    else:
        atomic_files.sync_folder(folder.parent)


def _surplus(text: Path, slices: int) -> Iterator[Path]:
    """The texts of slices with higher numbers than there are, which are of an earlier result."""
    pattern = re.compile(re.escape(text.stem) + r"_slice(\d+)\.xye")
    for path in list(text.parent.iterdir()):
        match = pattern.fullmatch(path.name)
        if match and int(match[1]) > slices:
            yield path
