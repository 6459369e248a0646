"""Keeps clients of pvAccess from taking the last files of this process (Linux).

p4p accepts connections by itself, as many as come. At the limit of open files it tries again and
again without a pause, and writes a line for each try. So new connections are held off before that.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ioc.ca.serving.connections import few_files_left, most_files, reserved_files

log = logging.getLogger(__name__)

FILES_LOOK_S = 0.05
"""How often is looked at how many files are left."""

HELD_OFF_S = 5.0
"""How long connections are held off at least."""

SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27
"""See socket(7); Python has no names for them."""

DROP_ALL = struct.pack("HBBI", 0x06, 0, 0, 0)
"""The instruction "return 0" of a packet filter: no packet arrives."""


class ConnectionLimit:
    """Holds off new connections to the listening sockets ``files`` while few files are left."""

    def __init__(self, files: frozenset[int]) -> None:
        self._files = files
        self._ports = set()
        for each in files:
            with borrowed(each) as found:
                self._ports.add(found.getsockname()[1])
        self._until_s = 0.0
        self._held_off = False

    @property
    def problem(self) -> str:
        """That clients are held off, in words; empty if none is."""
        if not self._held_off:
            return ""
        return f"new pvAccess clients have to wait: {most_files()} files are the limit (ulimit -n)"

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(FILES_LOOK_S)

    def look(self) -> None:
        """Hold connections off, or let them come again, by the number of files that are left."""
        now_s = time.monotonic()
        if few_files_left():
            self._until_s = now_s + HELD_OFF_S
            if not self._held_off:
                self._hold_off()
            self._close_newest()
        elif self._held_off and now_s >= self._until_s:
            self._held_off = False
            self._set(SO_DETACH_FILTER, struct.pack("i", 0))

    def _hold_off(self) -> None:
        """Have the system ignore all who want to connect; they try again by themselves."""
        self._held_off = True
        log.warning("%s", self.problem)
        program = ctypes.create_string_buffer(DROP_ALL)
        self._set(SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program)))

    def _set(self, option: int, value: bytes) -> None:
        for each in self._files:
            with suppress(OSError), borrowed(each) as listening:
                listening.setsockopt(socket.SOL_SOCKET, option, value)

    def _close_newest(self) -> None:
        """End the connections that have files which are reserved; p4p then closes these."""
        for number in {*range(most_files() - reserved_files(), most_files())} - self._files:
            with suppress(OSError), borrowed(number) as found:
                if found.getsockname()[1] in self._ports:
                    found.shutdown(socket.SHUT_RDWR)


@contextmanager
def borrowed(number: int) -> Iterator[socket.socket]:
    """The socket whose file has a number, which stays open; raises OSError if it is no socket.

    Opens no file.
    """
    found = socket.socket(fileno=number)
    try:
        yield found
    finally:
        found.detach()


def listening_files() -> frozenset[int]:
    """The numbers of all sockets of this process that accept TCP connections."""
    return frozenset(number for number in open_files() if _is_listening(number))


def limits_connections() -> bool:
    """Whether this system has what is needed here."""
    return sys.platform == "linux"


def open_files() -> list[int]:
    """The numbers of all files that this process has open."""
    return [int(each.name) for each in Path("/proc/self/fd").iterdir()]


def _is_listening(number: int) -> bool:
    with contextlib.suppress(OSError), borrowed(number) as found:
        return bool(found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    return False
