"""The messages of a rank's partitions, from its event log to its pulse assembler."""

from __future__ import annotations

import time
from collections.abc import Mapping

from reduction.event_log.protocol import Backlog, LogReader
from reduction.stream.pulse_assembler import PulseAssembler

LOOK_INTERVAL_S = 0.002
"""How often an event log without new messages is looked at."""


class StreamReceiver:
    """Takes messages from readers, one for each partition by its number, to ``intake``."""

    def __init__(self, readers: Mapping[int, LogReader], intake: PulseAssembler) -> None:
        self.intake = intake
        self._readers = readers

    def take(self, wait_s: float) -> None:
        """Take what has come, of each partition in its turn; wait for it ``wait_s`` at most."""
        deadline_s = time.monotonic() + wait_s
        while not self._take() and (left := deadline_s - time.monotonic()) > 0:
            time.sleep(min(left, LOOK_INTERVAL_S))

    def _take(self) -> bool:
        """Take what has come; whether anything has."""
        found = False
        for partition, reader in self._readers.items():
            for message in reader.read():
                self.intake.take(partition, message.data)
                found = True
        return found

    @property
    def behind(self) -> Backlog:
        """What the event logs hold that is not taken yet."""
        every = [reader.behind for reader in self._readers.values()]
        messages = sum(each.messages for each in every)
        return Backlog(messages, sum(each.size_bytes for each in every))

    @property
    def dropped(self) -> int:
        """How many messages had left the event logs before they were read."""
        return sum(reader.dropped.messages for reader in self._readers.values())

    @property
    def message(self) -> str:
        """What is wrong with the event logs, in words; empty if nothing is."""
        return next(filter(None, (reader.message for reader in self._readers.values())), "")
