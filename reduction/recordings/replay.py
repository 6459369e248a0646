"""Plays a recording to where a stream goes: to an event log, or to Kafka."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

import zmq

from reduction.event_log.entries import EntryKind, OutputMessage
from reduction.event_log.protocol import LogRefused
from reduction.host.steady_clock import steady_clock
from reduction.host.stop import Stop
from reduction.recordings.play_times import PlayTimes
from reduction.recordings.played_messages import PlayedMessages, pulse_number
from reduction.recordings.player import DueMessage, Player
from reduction.recordings.protocol import Recording

LONGEST_WAIT_MS = 250
OUTPUT_LOOK_NS = 10_000_000
"""How often it is looked whether an output that waits takes messages again."""

SERVE_INTERVAL_NS = 5_000_000
"""How often readers on other hosts are answered while messages are due."""

TELL_INTERVAL_NS = 250_000_000
"""How often it is told how far it is."""

BEHIND = "messages were due faster than they could be put: it was played slower"

MOST_BEHIND_NS = 1_000_000_000
"""If messages come later than this after they are due, that is told."""

log = logging.getLogger(__name__)


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


def _tell_nobody(_progress: PlayProgress) -> None:
    """Nobody wants to know how far it is."""


class Replay:
    """Plays a recording once, or again and again.

    ``tick`` puts what is due and says when the next message is; ``run`` does so until the end.
    Raises `LogRefused` for a recording without messages.
    """

    def __init__(
        self,
        recording: Recording,
        output: StreamOutput,
        settings: PlaySettings,
        clock_ns: Callable[[], int] | None = None,
    ) -> None:
        self._output, self._settings = output, settings
        self._clock_ns = clock_ns or steady_clock()
        times = PlayTimes(self._clock_ns(), settings.speed, now=settings.now)
        self._player = Player(recording, times)
        self._messages = PlayedMessages(changed=settings.now)
        self._next = self._player.take()
        if self._next is None:
            raise LogRefused("the recording holds no messages")
        self._pulse_ns: int | None = None
        self._served_ns = 0
        self.played = Played()
        self.is_behind = False
        """Whether a message has come late, because more was due than could be put."""

    def tick(self) -> int | None:
        """Put all messages that are due; returns when the next one is, ns since 1970.

        None at the end of the recording.
        """
        while (due := self._next) is not None:
            now_ns = self._clock_ns()
            if self._output.waits:
                return now_ns + OUTPUT_LOOK_NS
            if not math.isinf(self._settings.speed):
                if due.due_ns > now_ns:
                    return due.due_ns
                self.is_behind |= now_ns - due.due_ns > MOST_BEHIND_NS
            self._put(due)
            self._next = self._after()
            if now_ns - self._served_ns >= SERVE_INTERVAL_NS:
                self._served_ns = now_ns
                return now_ns
        return None

    def _put(self, due: DueMessage) -> None:
        message = self._messages.of(due.message, self._player.times)
        self._output.put(message)
        if math.isinf(self._settings.speed) and self._output.refusal:
            raise LogRefused(self._output.refusal)
        self.played.messages += 1
        self.played.events += message.events
        pulse_ns = due.message.pulse_ns
        is_new = self._pulse_ns is None or (pulse_ns is not None and pulse_ns > self._pulse_ns)
        if pulse_ns is not None and is_new and message.entry.kind is not EntryKind.OTHER:
            self._pulse_ns = pulse_ns
            self.played.pulses += 1
            self.played.last_pulse = pulse_number(message.entry, self.played.pulses - 1)

    def _after(self) -> DueMessage | None:
        """The message after the one that was put; in a loop, that may be the first one."""
        found = self._player.take()
        if found is None and self._settings.loop:
            self._player.again()
            self._messages.begin_round()
            self._pulse_ns = None
            found = self._player.take()
        return found

    @property
    def now_ns(self) -> int:
        """The time now, ns since 1970."""
        return self._clock_ns()

    @property
    def message(self) -> str:
        """What is wrong with the recording, in words; empty if nothing is."""
        return self._player.message

    def close(self) -> None:
        """Close the readers of the recording."""
        self._player.close()


def replay(
    recording: Recording,
    output: StreamOutput,
    settings: PlaySettings,
    stop: Stop,
    tell: Callable[[PlayProgress], None] = _tell_nobody,
) -> Played:
    """Play a recording until its end, or until stopped; what was played.

    ``tell`` is called several times a second with how far that is, and at the end.

    Raises `LogRefused` if a recording that is played as fast as possible cannot be put.
    """
    with closing(Replay(recording, output, settings)) as playing:
        told, told_ns = "", 0
        while not stop.is_set():
            next_ns = playing.tick()
            output.serve()
            if playing.now_ns - told_ns >= TELL_INTERVAL_NS:
                told_ns = playing.now_ns
                tell(PlayProgress(playing.played, playing.message))
            if playing.message != told:
                told = playing.message
                log.warning("%s", told)
            if next_ns is None:
                break
            _wait(output, stop, next_ns - playing.now_ns)
        behind = BEHIND if playing.is_behind else ""
        if behind:
            log.warning(behind)
        tell(PlayProgress(playing.played, playing.message or behind, ended=True))
        while settings.stay and not stop.is_set():
            _wait(output, stop, LONGEST_WAIT_MS * 1_000_000)
            output.serve()
        return playing.played


def _wait(output: StreamOutput, stop: Stop, until_ns: int) -> None:
    """Wait for a time at most, or until a reader asks, or the stop is set."""
    poller = zmq.Poller()
    poller.register(stop.fileno(), zmq.POLLIN)
    socket: zmq.Socket[Any] | None = output.socket
    if socket is not None:
        poller.register(socket, zmq.POLLIN)
    poller.poll(min(max(0, -(-until_ns // 1_000_000)), LONGEST_WAIT_MS))
