"""Plays a recording to where a stream goes: to an event log, or to Kafka."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from contextlib import closing
from typing import Any

import zmq

from reduction.event_log.entries import EntryKind, LogEntry
from reduction.event_log.protocol import LogRefused
from reduction.host.steady_clock import steady_clock
from reduction.host.stop import Stop
from reduction.recordings.log_copy import LogCopy
from reduction.recordings.log_recording import LogRecording
from reduction.recordings.play_settings import (
    Played,
    PlayProgress,
    PlaySettings,
    RecordOutput,
    StreamOutput,
)
from reduction.recordings.play_times import PlayTimes
from reduction.recordings.played_messages import PlayedMessages, mark_number
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
        self._has_marks = False
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
        if due.message.pulse_ns is not None:
            self._note_pulse(due.message.pulse_ns, message.entry)

    def _note_pulse(self, pulse_ns: int, entry: LogEntry) -> None:
        """Note the pulse of a message as it is played."""
        if self._pulse_ns is None or pulse_ns > self._pulse_ns:
            self._pulse_ns = pulse_ns
            self.played.pulses += 1
        is_mark = entry.kind is EntryKind.MARK and pulse_ns == self._pulse_ns
        number = mark_number(b"".join(entry.pieces)) if is_mark else None
        if number is not None:
            self._has_marks, self.played.last_pulse = True, number
        elif not self._has_marks:
            self.played.last_pulse = self.played.pulses - 1

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
    with closing(_playing(recording, output, settings)) as playing:
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


def _playing(
    recording: Recording, output: StreamOutput, settings: PlaySettings
) -> Replay | LogCopy:
    """What plays a recording: a log that is played as it is, is copied."""
    if not isinstance(recording, LogRecording) or not isinstance(output, RecordOutput):
        return Replay(recording, output, settings)
    if not settings.as_recorded:
        return Replay(recording, output, settings)
    return LogCopy(recording, output)


def _wait(output: StreamOutput, stop: Stop, until_ns: int) -> None:
    """Wait for a time at most, or until a reader asks, or the stop is set."""
    poller = zmq.Poller()
    poller.register(stop.fileno(), zmq.POLLIN)
    socket: zmq.Socket[Any] | None = output.socket
    if socket is not None:
        poller.register(socket, zmq.POLLIN)
    poller.poll(min(max(0, -(-until_ns // 1_000_000)), LONGEST_WAIT_MS))
