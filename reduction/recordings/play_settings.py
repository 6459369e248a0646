"""How a recording is played, where its messages go, and how far it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import zmq

from reduction.event_log.entries import OutputMessage
from reduction.event_log.storage.stored_records import StoredRecords


class StreamOutput(Protocol):
    """Where the messages of a source go."""

    @property
    def socket(self) -> zmq.Socket[bytes] | None:
        """The socket with requests of readers; None if there is none."""

    @property
    def refusal(self) -> str:
        """Why messages cannot be put, in words; empty if they can."""

    @property
    def waits(self) -> bool:
        """Whether no more should be put now, because what was put cannot be sent on yet."""

    def put(self, message: OutputMessage) -> None:
        """Send a message, or count it as dropped."""

    def serve(self) -> None:
        """Answer what has come."""


@runtime_checkable
class RecordOutput(StreamOutput, Protocol):
    """Where records of an event log can go as they are stored."""

    def put_records(self, partition: int, stored: StoredRecords, events: int) -> None:
        """Send messages of a partition with so many events.

        Raises `LogRefused` for one that is not taken; those before it are.
        """


@dataclass(frozen=True)
class PlaySettings:
    """How a recording is played.

    - ``speed``: how much faster than recorded; infinite: as fast as the output takes it, and then
      playing ends at the first message that cannot be put
    - ``now``: whether messages are given the time at which they are played
    - ``loop``: whether to begin again at the end
    - ``stay``: whether to serve what was played until stopped
    """

    speed: float = 1.0
    now: bool = False
    loop: bool = False
    stay: bool = False

    @property
    def as_recorded(self) -> bool:
        """Whether messages are played once, as fast as possible and as they are."""
        return math.isinf(self.speed) and not self.now and not self.loop


@dataclass
class Played:
    """How much was played."""

    messages: int = 0
    events: int = 0
    pulses: int = 0
    last_pulse: int = -1
    """The number of the last pulse as it was played; without marks they count from 0."""

    @property
    def words(self) -> str:
        """The amounts in words."""
        return f"{self.messages} messages with {self.events} events of {self.pulses} pulses"


@dataclass(frozen=True)
class PlayProgress:
    """How far a recording is played; ``message`` says what is wrong with it, or is empty."""

    played: Played
    message: str = ""
    ended: bool = False
