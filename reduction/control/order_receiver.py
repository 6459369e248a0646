"""The channel of a process that obeys the IOC: orders come in, reports go out, over ZeroMQ."""

from __future__ import annotations

import contextlib
import secrets
from typing import Any, Generic, TypeVar

import msgspec
import zmq
from numpy.typing import NDArray

from reduction.control.encoding import MessageNotUnderstood, decoded, encoded_frames
from reduction.control.hello import Hello, hello_in, own_hello
from reduction.control.pv_log_values import PvLogValues
from reduction.host.network.endpoints import connect
from reduction.host.network.key_file import Key

ORDER, LOGS, REFUSAL = b"order", b"logs", b"refusal"
"""The second of the three frames of what the IOC sends, which says what the third one is."""

END = b""
"""In place of a report: the process ends."""

WORK = b"work"
"""In place of a report: the next one may take up to `LONGEST_WORK_S`."""

LONGEST_WORK_S = 600.0
"""Time without a report for a process that works on an order, or starts."""

MOST_AT_ONCE = 1000
"""Most messages that are read at a time."""

LONGEST_REFUSAL = 500
"""So many bytes are shown of why the IOC ignores this process."""

OrderT = TypeVar("OrderT")
ReportT = TypeVar("ReportT")


class OrderReceiver(Generic[OrderT, ReportT]):
    """The socket of the process that obeys: it receives orders and sends reports. It never blocks.

    If the IOC does not take reports, a few wait and further ones are dropped, so that a stopped IOC
    costs no memory. What is not understood is counted in ``ignored``, and the order before it stays
    in force. Peers without the ``key`` get nothing.
    """

    def __init__(
        self,
        context: zmq.Context[Any],
        endpoint: str,
        order: type[OrderT],
        part: str,
        key: Key | None = None,
    ) -> None:
        self._kind, self._hello = order, own_hello(part)
        self._head = msgspec.msgpack.encode(self._hello)
        self.socket = context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, 4)
        self.socket.setsockopt(zmq.IDENTITY, secrets.token_bytes(8))
        connect(self.socket, endpoint, key)
        self._newest: tuple[Hello, bytes] | None = None
        self._logs: list[bytes] = []
        self.ignored = 0
        self._refusal = self._not_understood = self._other_version = ""

    @property
    def ordered(self) -> bool:
        """Whether an order has come since the last call of `latest`."""
        self._drain()
        return self._newest is not None

    def latest(self) -> OrderT | None:
        """The newest order that has come since the last call; None if none has."""
        self._drain()
        newest, self._newest = self._newest, None
        if newest is None:
            return None
        sender, data = newest
        try:
            order = decoded(self._kind, data)
        except MessageNotUnderstood as error:
            self._ignore(f"an order of {sender.words} is not understood: {error}")
            return None
        self._not_understood = self._refusal = self._other_version = ""
        if sender.version != self._hello.version:
            self._other_version = f"orders come from {sender.words}; this is {self._hello.words}"
        return order

    def logs(self) -> list[PvLogValues]:
        """The log values that have come since the last call, in the order they were sent in."""
        self._drain()
        messages, self._logs = self._logs, []
        found: list[PvLogValues] = []
        for each in messages:
            try:
                found += decoded(tuple[PvLogValues, ...], each)
            except MessageNotUnderstood as error:
                self._ignore(f"log values that the IOC sent are not understood: {error}")
        return found

    def _drain(self) -> None:
        """Read the messages that have come: keep the newest order, and all log values.

        Messages that come without end must not stop this process: the others are read next time.
        """
        for _ in range(MOST_AT_ONCE):
            if not self.socket.poll(0):
                break
            try:
                head, kind, body = self.socket.recv_multipart()
                sender = hello_in(head)
            except ValueError as error:
                known = isinstance(error, MessageNotUnderstood)
                self._ignore(f"a message is not understood: {error if known else 'other frames'}")
                continue
            if kind == ORDER:
                self._newest = sender, body
            elif kind == LOGS:
                self._logs.append(body)
            elif kind == REFUSAL:
                self._refusal = body[:LONGEST_REFUSAL].decode(errors="replace")
            else:
                self._ignore("a message of another kind is not understood")

    def _ignore(self, why: str) -> None:
        self.ignored += 1
        self._not_understood = why

    @property
    def message(self) -> str:
        """What is wrong between the IOC and this process, in words; empty if nothing is."""
        every = self._refusal, self._not_understood, self._other_version
        return "; ".join(filter(None, every))

    def report(self, report: ReportT) -> None:
        """Send a report, or drop it if the IOC does not take any."""
        body, arrays = encoded_frames(report)
        self._send(body, *arrays)

    def report_work(self) -> None:
        """Say that the next report may take long: an order, or the start, is worked on."""
        self._send(WORK)

    def end(self) -> None:
        """Say that this process ends, so that another may take its place at once."""
        self._send(END)

    def _send(self, *frames: bytes | NDArray[Any]) -> None:
        with contextlib.suppress(zmq.Again):
            try:
                self.socket.send_multipart([self._head, *frames], zmq.DONTWAIT, copy=False)
            except RuntimeError:  # at the limit of processes: what is not copied needs a thread
                self.socket.send_multipart([self._head, *frames], zmq.DONTWAIT)

    def close(self) -> None:
        """Close the socket; what was sent shortly before may be lost."""
        self.socket.close()
