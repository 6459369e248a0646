"""The files that an IOC keeps over a restart: how they are read, whatever they have become.

What cannot be used is set aside under another name, and the start goes on.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import stat
import time
from collections.abc import Callable
from pathlib import Path

from ioc.options.program import StartError
from reduction.host.file_system.file_threads import ANSWER_S, FileThreads, ResultT
from reduction.host.file_system.regular_files import read_regular_file

log = logging.getLogger(__name__)

NO_PLACE = (errno.ENOTDIR, errno.ENAMETOOLONG)
"""What reading fails with if there can be no file of that name."""


class ForeignFile(ValueError):
    """The file was not written by this program for this prefix, or it is damaged."""


def in_time(
    option: str, path: Path, work: Callable[[], ResultT], within_s: float = ANSWER_S
) -> ResultT:
    """What work on the file of an option returns; raises `StartError` if its disk is silent."""
    try:
        return FileThreads(within_s).run_here(str(path), work)
    except TimeoutError as silent:
        raise StartError(f"{option} = {path}: {silent.strerror}") from None


def read_kept_file(option: str, path: Path, most_bytes: int) -> bytes | None:
    """The content of the file of an option; None if there is no file.

    Raises `ForeignFile` if the file cannot be used, as a folder, and `StartError` if there can be
    no file of that name, if it is a device, or if its disk does not answer.
    """

    def read() -> bytes:
        found = path.stat()
        if stat.S_ISCHR(found.st_mode) or stat.S_ISBLK(found.st_mode):
            raise StartError(f"{option} = {path}: it is a device")
        return read_regular_file(path, most_bytes)

    try:
        return in_time(option, path, read)
    except FileNotFoundError:
        return None
    except OSError as error:
        why = error.strerror or str(error)
        if error.errno in NO_PLACE:
            raise StartError(f"{option} = {path}: {why}") from None
        raise ForeignFile(why) from None
    except ValueError as error:  # a NUL in the path
        raise StartError(f"{option} = {path}: {error}") from None


def set_aside(path: Path) -> str:
    """Rename a file that cannot be used; what has become of it, as the end of a sentence.

    Its new name contains the time. A folder with something in it is left alone.
    """
    nanoseconds = time.time_ns()
    now = time.strftime("%Y%m%dT%H%M%S", time.gmtime(nanoseconds // 10**9))
    aside = path.with_name(f"{path.name}.aside-{now}.{nanoseconds % 10**9:09d}Z")
    try:
        if path.is_dir() and not path.is_symlink() and any(path.iterdir()):
            return "is a folder with files in it, and stays: nothing can be kept there"
        path.rename(aside)
    except OSError as error:
        return f"cannot be renamed ({error.strerror})"
    return f"is renamed to {aside}"


def told(sentence: str) -> str:
    """``sentence``, which is logged."""
    log.warning("%s", sentence)
    return sentence


def write_problem(written: asyncio.Future[str], what: str) -> str:
    """What a write that has ended returned: why it failed, or an empty text.

    ``what`` says what has failed, should no thread have been left to write.
    """
    try:
        return written.result()
    except OSError as error:
        return f"{what}: {error.strerror}"
