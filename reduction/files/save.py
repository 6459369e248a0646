"""Saves results under new names, as NeXus and as text: all files or none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reduction.files import xye
from reduction.files.saved_result import SavedResult
from reduction.host.file_system import atomic_files
from reduction.parameters.file_names import PART_OF_RESULT, FileNaming, check_name

FILE_OF_RESULT = re.compile(rf"(.*?)({PART_OF_RESULT})?\.(nxs|xye)")


@dataclass(frozen=True)
class SavedFiles:
    """The files that were written: NeXus first, then the others.

    ``number`` is the number in their names, None if the template has none.
    """

    paths: tuple[Path, ...]
    number: int | None


def save(result: SavedResult, folder: Path, name: str) -> SavedFiles:
    """Write ``name.nxs``, ``name.xye`` and, if sliced, ``name_slice1.xye`` … into ``folder``.

    See `save_together`.
    """
    return save_together({"": result}, folder, FileNaming(name))


def save_together(
    results: Mapping[str, SavedResult],
    folder: Path,
    naming: FileNaming,
    *,
    mantid: bool = False,
    before_naming: Callable[[], None] = lambda: None,
) -> SavedFiles:
    """Write the files of ``results`` into ``folder``: all or none, and all of them new.

    With ``mantid`` there is also ``…_mantid.nxs``, which Mantid loads.
    ``results`` are given by what is appended to their name, such as ``_Red1``. No file is ever
    replaced. A name is taken if the folder has any file of a result of that name, such as the text
    of a slice; then the next name of ``naming`` is tried. NeXus files appear last: once one is
    there, all text is. A missing folder is made if its parent exists, as for a new run. If the
    parent is missing, the path is probably mistyped. ``before_naming`` is called once all is
    written and nothing has appeared; nothing will if it raises.

    Raises FileExistsError if all names of ``naming`` are taken, OSError with path and reason,
    `reduction.parameters.specs.Refused` for a name that is not allowed, or ValueError as
    `reduction.files.nexus_writer.write_nexus` does.
    """
    naming.check()
    _make_folder(folder)
    taken, text = _taken_names(folder), naming.name
    for name in naming.candidates():
        named = {name.text + suffix: result for suffix, result in results.items()}
        for text in named:
            check_name(text)
        if taken.isdisjoint(named):
            try:
                written = atomic_files.create(_files(named, folder, mantid), before_naming)
            except FileExistsError:  # another process was faster
                taken |= named.keys()
                continue
            texts = len(written) - len(results)
            return SavedFiles((*written[texts:], *written[:texts]), name.number)
    raise FileExistsError(17, "a result of this name is there already", str(folder / f"{text}.nxs"))


def _taken_names(folder: Path) -> set[str]:
    """The names of results of which the folder has a file, from whomever it is."""
    matches = (FILE_OF_RESULT.fullmatch(path.name) for path in folder.iterdir())
    return {name for match in matches if match for name in (match[1], match[1] + (match[2] or ""))}


def _files(
    results: Mapping[str, SavedResult], folder: Path, mantid: bool
) -> Iterator[tuple[Path, bytes]]:
    # Imported here because they import h5py, which the start of an IOC need not wait for.
    from reduction.files import mantid_writer, nexus_writer

    for name, result in results.items():
        yield from xye.files(result, folder / f"{name}.xye")
        if mantid:
            path = folder / f"{name}_mantid.nxs"
            yield path, mantid_writer.mantid_contents(result, path)
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
