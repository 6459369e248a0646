"""Folders that a program may write files in, and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")


class FolderNotAllowed(ValueError):
    """A path leads out of the folders that are allowed; the text says so."""


@dataclass(frozen=True)
class AllowedFolders:
    """Folders in which files may be written, as they were given and without links.

    All paths are absolute. Without folders nothing may be written. A relative path is one in the
    first folder.
    """

    folders: tuple[Path, ...]
    real_folders: tuple[Path, ...]

    @classmethod
    def of(cls, paths: Sequence[str]) -> AllowedFolders:
        """The folders at ``paths``; without paths the working folder, unless it is the root.

        The root folder would allow all folders, and a service works there if nobody says otherwise.
        Raises NotADirectoryError with a path that is no folder, and RuntimeError for a ``~``
        without a home.
        """
        folders = tuple(Path(each).expanduser().absolute() for each in paths)
        for each in folders:
            if not each.is_dir():
                raise NotADirectoryError(20, "no such folder", str(each))
        if not paths and Path.cwd() != ROOT:
            folders = (Path.cwd(),)
        return cls(folders, tuple(each.resolve() for each in folders))

    def check(self, path: str) -> None:
        """Raise `FolderNotAllowed` for a path whose text leads outside.

        This does not touch the disk, which may hang. `real_path` follows links too.
        """
        text = Path(os.path.normpath(self._absolute(path)))
        if not any(text.is_relative_to(each) for each in (*self.folders, *self.real_folders)):
            raise FolderNotAllowed(f"it is outside {self}")

    def real_path(self, path: str) -> Path:
        """The folder at ``path`` without links, which need not be there yet.

        Raises `FolderNotAllowed` if it is outside, and RuntimeError if a link leads to itself.
        """
        real = self._absolute(path).resolve()
        if not any(real.is_relative_to(each) for each in self.real_folders):
            raise FolderNotAllowed(f"{real} is outside {self}")
        return real

    def shown(self, path: str) -> str:
        """The folder at ``path`` as an absolute one, for people; empty if none is allowed."""
        return os.path.normpath(self._absolute(path)) if self.folders else ""

    def __str__(self) -> str:
        return ", ".join(map(str, self.folders))

    def _absolute(self, path: str) -> Path:
        """``path`` as an absolute one, with its links and ``..``."""
        if not self.folders:
            raise FolderNotAllowed("no folder for files was given at the start, with --files")
        try:
            return self.folders[0] / Path(path).expanduser()
        except RuntimeError:
            raise FolderNotAllowed("this program has no home folder for ~") from None
