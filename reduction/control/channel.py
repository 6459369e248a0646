"""The typed channel between the IOC and a process that obeys it, over ZeroMQ.

The IOC has an `OrderSender`, which binds; the process, its peer, has an `OrderReceiver`, which
connects. The process may end and another may take its place. Orders and reports are frozen
dataclasses, encoded as MessagePack by their annotations, with arrays as raw bytes. When the first
report of a new peer comes, the IOC sends it the present order immediately.

The IOC also sends values of logs, after a frame that marks them. A new peer is sent all values that
the IOC keeps, and then the order. A peer that could not take a message when it was sent is sent
everything again with its next report: orders are states, and a log value that comes twice changes
nothing.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np
import zmq
import zmq.asyncio

from reduction.control.pv_log_values import PvLogValues, messages_of
from reduction.stream.endpoints import bind, connect

LOG = b"log"
"""The first of the two frames of a message with log values. An order has one frame."""

OrderT = TypeVar("OrderT")
ReportT = TypeVar("ReportT")


def encoded(message: object) -> bytes:
    """``message``, a dataclass, as MessagePack."""
    return msgspec.msgpack.encode(message, enc_hook=_array_out)


def decoded(kind: type[OrderT], data: bytes) -> OrderT:
    """The message in ``data``; raises msgspec.ValidationError if it is not of that ``kind``."""
    return msgspec.msgpack.decode(data, type=kind, dec_hook=_array_in)


def _array_out(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be sent")


def _array_in(_kind: type, value: Any) -> Any:
    dtype, shape, data = value
    return np.frombuffer(data, dtype).reshape(shape)


class OrderReceiver(Generic[OrderT, ReportT]):
    """The socket of the process that obeys: it receives orders and sends reports. It never blocks.

    If the IOC does not take reports, a few wait and further ones are dropped, so that a stopped IOC
    costs no memory.
    """

    def __init__(self, context: zmq.Context[Any], endpoint: str, order: type[OrderT]) -> None:
        self._kind = order
        self.socket = context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, 4)
        self.socket.setsockopt(zmq.IDENTITY, secrets.token_bytes(8))
        connect(self.socket, endpoint)
        self._newest: bytes | None = None
        self._logs: list[bytes] = []

    @property
    def ordered(self) -> bool:
        """Whether an order has come since the last call of `latest`."""
        self._drain()
        return self._newest is not None

    def latest(self) -> OrderT | None:
        """The newest order that has come since the last call; None if none has."""
        self._drain()
        newest, self._newest = self._newest, None
        return None if newest is None else decoded(self._kind, newest)

    def logs(self) -> list[PvLogValues]:
        """The log values that have come since the last call, in the order they were sent in.

        If a message cannot be decoded, raises msgspec.DecodeError, and drops them all.
        """
        self._drain()
        messages, self._logs = self._logs, []
        return [log for each in messages for log in decoded(tuple[PvLogValues, ...], each)]

    def _drain(self) -> None:
        """Read all messages that have come: keep the newest order, and all log values."""
        while self.socket.poll(0):
            match self.socket.recv_multipart():
                case [order]:
                    self._newest = order
                case [kind, message] if kind == LOG:
                    self._logs.append(message)

    def report(self, report: ReportT) -> None:
        """Send a report, or drop it if the IOC does not take any."""
        with contextlib.suppress(zmq.Again):
            self.socket.send(encoded(report), zmq.DONTWAIT)

    def close(self) -> None:
        self.socket.close()


class OrderSender(Generic[OrderT, ReportT]):
    """The socket of the IOC: it sends orders to the newest peer and receives its reports.

    ``history`` returns the log values that a new peer is sent before the order. ``for_new_peer``
    makes that order of the one to a running peer. Nothing that is sent waits for the peer, so the
    IOC never does.
    """

    def __init__(
        self,
        context: zmq.asyncio.Context,
        endpoint: str,
        report: type[ReportT],
        order: OrderT,
        history: Callable[[], Iterable[PvLogValues]] = tuple,
        for_new_peer: Callable[[OrderT], OrderT] = lambda order: order,
    ) -> None:
        self._kind, self._for_new_peer = report, for_new_peer
        self._order = order
        self._history = history
        self._peer: bytes | None = None
        self._missed = False
        """Whether the peer could not take a message."""
        self._former: set[bytes] = set()
        self._socket = context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.ROUTER_MANDATORY, 1)  # else it drops without an error
        bind(self._socket, endpoint)
        self.endpoint: str = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    async def command(self, order: OrderT) -> None:
        """Send ``order`` to the peer, and to each new peer that appears."""
        self._order = order
        await self._send(encoded(order))

    async def send_log(self, name: str, time_ns: int, value: float) -> None:
        """Send the value that a log has from ``time_ns`` on; ``history`` must have it already."""
        await self._send(LOG, encoded((PvLogValues.one(name, time_ns, value),)))

    async def _send(self, *frames: bytes) -> None:
        """Send to the peer, if there is one, or note that it could not take it."""
        if self._peer is None:
            return
        try:
            await self._socket.send_multipart([self._peer, *frames], zmq.DONTWAIT)
        except zmq.ZMQError as error:
            if error.errno not in (zmq.EAGAIN, zmq.EHOSTUNREACH):
                raise
            self._missed = True

    async def report(self) -> ReportT:
        """The next report of the newest peer; raises msgspec.ValidationError for anything else."""
        while True:
            peer, data = await self._socket.recv_multipart()
            if peer in self._former:
                continue
            if peer != self._peer:
                if self._peer is not None:
                    self._former.add(self._peer)
                self._peer, self._missed = peer, True
            if self._missed:
                await self._send_all()
            return decoded(self._kind, data)

    async def _send_all(self) -> None:
        """Send the log values, then the order, which may slice by these logs."""
        self._missed = False
        for logs in messages_of(self._history()):
            await self._send(LOG, encoded(logs))
            if self._missed:
                return
        await self._send(encoded(self._for_new_peer(self._order)))

    def forget(self) -> None:
        """Note that the peer is gone: ignore its reports that are still on the way."""
        if self._peer is not None:
            self._former.add(self._peer)
            self._peer = None

    def close(self) -> None:
        self._socket.close()
