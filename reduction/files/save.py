"""Saves results under names, as NeXus and as text: all files or none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from reduction.files import nexus_writer, xye
from reduction.files.saved_result import SavedResult
from reduction.host import atomic_files
from reduction.parameters.file_names import check_name


def save(result: SavedResult, folder: Path, name: str) -> list[Path]:
    """Write ``name.nxs``, ``name.xye`` and, if sliced, ``name_slice1.xye`` … into ``folder``.

    See `save_together`.
    """
    return save_together({name: result}, folder)


def save_together(results: Mapping[str, SavedResult], folder: Path) -> list[Path]:
    """Write the files of ``results``, which are given by name, into ``folder``: all or none.

    All files are written before any of them is replaced, so that a full disk changes nothing. NeXus
    files are replaced last: once one is new, all text is. If an earlier result of the same name had
    more slices, the text files of the further slices are removed. A missing folder is made if its
    parent exists, as for a new run. If the parent is missing, the path is probably mistyped.

    Returns the paths, NeXus first, once they are on disk. Raises OSError with path and reason,
    `reduction.parameters.specs.Refused` for a name that is not allowed, or ValueError as
    `nexus_writer.write_nexus` does.
    """
    for name in results:
        check_name(name)
    _make_folder(folder)
    written = atomic_files.replace(_files(results, folder))
    for name, result in results.items():
        for path in _text_of_further_slices(folder / f"{name}.xye", len(result.slice_bounds)):
            path.unlink(missing_ok=True)
    texts = len(written) - len(results)
    return [*written[texts:], *written[:texts]]


def _files(results: Mapping[str, SavedResult], folder: Path) -> Iterator[tuple[Path, bytes]]:
    for name, result in results.items():
        yield from xye.files(result, folder / f"{name}.xye")
    for name, result in results.items():
        path = folder / f"{name}.nxs"
        yield path, nexus_writer.contents(result, path)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir()
    except FileExistsError:
        if not folder.is_dir():
            raise NotADirectoryError(20, "not a folder", str(folder)) from None
    else:
        atomic_files.sync_folder(folder.parent)


def _text_of_further_slices(text: Path, slices: int) -> Iterator[Path]:
    """Text files of slices with higher numbers than ``slices``, from an earlier result."""
    pattern = re.compile(re.escape(text.stem) + r"_slice(\d+)\.xye")
    for path in list(text.parent.iterdir()):
        match = pattern.fullmatch(path.name)
        if match and int(match[1]) > slices:
            yield path
