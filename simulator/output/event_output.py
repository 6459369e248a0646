"""Writes the events of the simulated source to an event log, and serves it to other hosts."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zmq

from reduction.event_log.entries import EntryKind, OutputMessage
from reduction.event_log.network.server import LogServer
from reduction.event_log.protocol import LogRefused
from reduction.event_log.storage.stored_records import StoredRecords
from reduction.event_log.writer import LogWriter
from reduction.host.network.key_file import Key

log = logging.getLogger(__name__)

REFUSAL_TOLD_S = 2.0
"""How long it is told that a message could not be written, since smaller ones may still be."""


@dataclass(frozen=True)
class EventLogStart:
    """The event log that is written: its folder, the most that it takes, and where it is served.

    ``endpoint`` is a ZeroMQ endpoint; empty if the log is not served to other hosts. Readers there
    need the ``key`` if there is one. If ``keep`` is
    set, the log drops nothing at its limit, and refuses what comes then.
    """

    folder: Path
    limit_bytes: int
    endpoint: str = ""
    keep: bool = False
    key: Key | None = None


class EventOutput:
    """Appends messages to the event log, and counts what was written and what could not be.

    Raises `reduction.event_log.protocol.LogRefused` for a folder that is not fit for a log, and
    OSError naming an endpoint that cannot be bound.
    """

    # As `KafkaOutput` has it; here messages are written or dropped at once.
    waits = False

    def __init__(
        self,
        start: EventLogStart,
        partitions: int,
        context: zmq.Context[Any],
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._folder, self._clock_ns = start.folder, clock_ns
        self.partitions = partitions
        self._server: LogServer | None = None
        if start.endpoint:
            self._server = LogServer(
                context, start.endpoint, start.folder, partitions, key=start.key
            )
        try:
            self._writer = LogWriter(
                start.folder,
                partitions,
                start.limit_bytes,
                clock_s=lambda: clock_ns() / 1e9,
                keep=start.keep,
            )
        except BaseException:
            if self._server is not None:
                self._server.close()  # its context can only end then
            raise
        self.events_sent = self.events_dropped = self.chunks_dropped = 0
        self.refusal = ""
        """Why the last message could not be written, or what has happened to the log, or empty."""
        self._told, self._told_until_ns = "", 0

    @property
    def message(self) -> str:
        """What is wrong with the log or was lately, and with requests to it, in words, or empty."""
        ignored = self._server.problem if self._server is not None else ""
        return "; ".join(filter(None, (self._log_problem, ignored)))

    @property
    def _log_problem(self) -> str:
        """Why a message could not be written lately, or what has happened to the log, or empty."""
        return self._told if self._clock_ns() < self._told_until_ns else self.refusal

    @property
    def last_pulse(self) -> int:
        """The number of the last pulse that was in the log at the start; -1 if there was none."""
        return self._writer.last_pulse

    @property
    def size_bytes(self) -> int:
        """The bytes that the log takes on the disk."""
        return self._writer.size_bytes

    @property
    def reach_s(self) -> float:
        """The time span that the log holds."""
        return max(0.0, (self._clock_ns() - self._writer.oldest_ns) / 1e9)

    @property
    def socket(self) -> zmq.Socket[bytes] | None:
        """The socket with the requests of readers on other hosts; None if none are served."""
        return None if self._server is None else self._server.socket

    def put(self, message: OutputMessage) -> None:
        """Append a message; without space for it, drop and count it."""
        entry, events = message.entry, message.events
        try:
            self._writer.append(message.partition, entry)
        except OSError as error:
            self._note_refusal(error)
            if entry.kind is EntryKind.CHUNK:
                self.chunks_dropped += 1
                self.events_dropped += events
        else:
            self.refusal = self._writer.message
            self.events_sent += events

    def put_records(self, partition: int, stored: StoredRecords, events: int) -> None:
        """Append messages with so many events; raises `LogRefused` for one that is not taken."""
        left: StoredRecords | None = stored
        try:
            while left is not None:
                left = left.after(self._writer.append_records(partition, left))
        except OSError as error:
            self._note_refusal(error)
            raise LogRefused(self.refusal) from None
        self.refusal = self._writer.message
        self.events_sent += events

    def _note_refusal(self, error: OSError) -> None:
        """Note why a message could not be written; log it once."""
        is_refused = isinstance(error, LogRefused)
        words = error.strerror if is_refused else f"event log {self._folder}: {error.strerror}"
        if words != self._log_problem:
            log.warning("%s", words)
        self.refusal = self._told = str(words)
        self._told_until_ns = self._clock_ns() + int(REFUSAL_TOLD_S * 1e9)

    def serve(self) -> None:
        """Answer readers on other hosts."""
        if self._server is not None:
            self._server.serve()

    def close(self) -> None:
        """Close the log; its files stay."""
        if self._server is not None:
            self._server.close()
        self._writer.close()
