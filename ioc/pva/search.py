"""A search of pvAccess for one name, as bytes, and the answers to it.

See the specification, https://docs.epics-controls.org/en/latest/pv-access/Protocol-Messages.html.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

MAGIC, VERSION = 0xCA, 2

BIG_ENDIAN, FROM_SERVER = 0x80, 0x40
"""Flags of a message."""

SEARCH, SEARCH_RESPONSE = 3, 4

UNICAST = 0x80
"""The flag of a search that was sent to one host: it hands it on to all its servers."""

NUMBER = 1
"""The number of the only name that is searched for."""

ANY_HOST = bytes(16)


@dataclass(frozen=True)
class PvaSearch:
    """A search for ``name``."""

    name: str

    def request(self, port: int) -> bytes:
        """The datagram that asks for the name; answers come to a UDP ``port`` of this host."""
        name = self.name.encode("ascii")
        body = (
            struct.pack("<IB3x16sH", NUMBER, UNICAST, ANY_HOST, port)
            + b"\x01\x03tcp"
            + struct.pack("<HIB", 1, NUMBER, len(name))
            + name
        )
        return struct.pack("<BBBBI", MAGIC, VERSION, 0, SEARCH, len(body)) + body

    def server_port(self, data: bytes) -> int | None:
        """The TCP port of the server that has sent an answer; None if it is no answer.

        Raises ValueError or `struct.error` for what is no message.
        """
        magic, _, flags, command = struct.unpack_from("<BBBB", data)
        if magic != MAGIC or command != SEARCH_RESPONSE or not flags & FROM_SERVER:
            return None
        order = ">" if flags & BIG_ENDIAN else "<"
        number, _, port = struct.unpack_from(f"{order}12xI16sH", data, 8)
        found = data[42 + 1 + data[42]]
        return int(port) if found and number == NUMBER else None
