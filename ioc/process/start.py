"""The first steps of a process: how it ends, logs, and says in words what cannot be done."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from ioc.options.flags import Options
from ioc.options.program import StartError
from ioc.process.output import LogOutput
from ioc.process.python_command import keep_to_a_folder
from reduction.host.memory.memory_limits import is_no_memory, no_memory_words
from reduction.host.open_files import raise_file_limit
from reduction.host.stop import end_after_stop_signals

log = logging.getLogger(__name__)

LONGEST_END_S = 8.0
"""Longest time that a command which runs until it is stopped may take to end then."""


@contextmanager
def failures_told() -> Iterator[None]:
    """Exit with 2 and one clear line if what is asked cannot be done."""
    try:
        yield
    except StartError as error:
        _give_up(str(error))
    except MemoryError as error:
        _give_up(no_memory_words(error))
    except OSError as error:
        if is_no_memory(error):
            _give_up(no_memory_words(error))
        where = f"{error.filename}: " if error.filename else ""
        _give_up(where + (error.strerror or str(error)))


def _give_up(why: str) -> NoReturn:
    print(f"live-reduction: {why}", file=sys.stderr)
    raise SystemExit(2) from None


def prepare_server(options: Options) -> None:
    """First steps of a process that runs until it is stopped, by signals."""
    end_after_stop_signals(LONGEST_END_S)
    prepare(options, LogOutput())


def prepare(options: Options, handler: logging.Handler | None) -> None:
    """First steps of any command; None: messages are logged on standard error."""
    logging.basicConfig(
        level=logging.INFO if options.verbose else logging.WARNING,
        format=f"%(asctime)s {options.command} %(levelname)s %(message)s",
        handlers=[handler] if handler else None,
    )
    raise_file_limit()
    if keep_to_a_folder():
        log.warning("the working folder is gone: this works in the root folder")
