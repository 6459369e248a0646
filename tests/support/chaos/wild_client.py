"""A Channel Access client that puts anything, and changes no pulse that counts."""

from __future__ import annotations

from random import Random

from benchmarks.robustness.wild import KINDS, Wild, is_legal, wild
from ioc.model.pvs import pv_rows
from tests.support.clients.raw_ca_client import WRITE_NOTIFY, RawClient

CHANGED = (
    *("Red1:Units", "Red1:BinParams", "Red1:Mask", "Red1:Groups"),
    *("Red1:Filter:Min", "Red1:Filter:Max", "Red1:Filter:Step", "Red1:ROI1:Min", "Red1:ROI1:Max"),
)
"""Settings that take legal values, too: whatever they are, the same pulses count."""

TYPES = list(KINDS)
ANSWER_S = 0.3
"""How long the next answer is waited for: while there are no ranks, a put waits for them."""


class WildClient:
    """Puts to all settings and commands; those that tell what counts get illegal values alone."""

    def __init__(self, port: int, prefix: str, chance: Random) -> None:
        self._port, self._prefix, self._chance = port, prefix, chance
        self._rows = [row for row in pv_rows(prefix) if row.access.writable]
        self.sent = 0

    def put_some(self, count: int) -> None:
        """Put so often, as long as the IOC is there, and take what it answers soon."""
        try:
            with RawClient(self._port) as client:
                for _ in range(count):
                    self._put(client)
                while list(client.answers(ANSWER_S)):
                    continue
        except (OSError, TimeoutError):
            return  # it is killed, stopped, or starts

    def _put(self, client: RawClient) -> None:
        """Send a put, unless it would change which pulses count."""
        row = self._chance.choice(self._rows)
        made = wild(self._chance, row, row.default)
        free = row.name.removeprefix(self._prefix) in CHANGED
        if not free and is_legal(row, made):
            return
        opened = client.open(row.name)
        assert opened is not None
        kind, data, count = TYPES.index(made.kind), payload(made), made.array.size
        self.sent += 1
        client.send(WRITE_NOTIFY, kind, count, opened.sid, self.sent, data)


def payload(put: Wild) -> bytes:
    """The bytes of a put, as Channel Access sends them."""
    array = put.array
    return bytes(array.astype(array.dtype.newbyteorder(">")).tobytes())
