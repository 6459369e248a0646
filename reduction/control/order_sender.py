"""The IOC's channel to a process that obeys it: orders go out, reports come in, over ZeroMQ.

Orders and reports are frozen dataclasses, encoded by `reduction.control.encoding`; each message
begins with a frame that says who sends it. When the first report of a new peer comes, the IOC sends
it the present order immediately.

The IOC also sends values of logs. A new peer is sent all values that the IOC keeps, and then the
order. A peer that could not take a message when it was sent is sent everything again with its next
report: orders are states, and a log value that comes twice changes nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Generic

import msgspec
import zmq
import zmq.asyncio

from reduction.control.encoding import (
    FRAME_BYTES,
    FrameBytes,
    MessageNotUnderstood,
    decoded,
    encoded,
)
from reduction.control.hello import Hello, hello_in, own_hello
from reduction.control.order_receiver import (
    END,
    LOGS,
    LONGEST_WORK_S,
    ORDER,
    REFUSAL,
    WORK,
    OrderT,
    ReportT,
)
from reduction.control.peers import Peers
from reduction.control.pv_log_values import PvLogValues, messages_of
from reduction.host.network.endpoints import HandshakeWatch, bind
from reduction.host.network.key_file import Key

LARGEST_REPORT_BYTES = 2**30
PATIENCE_S = 4.0
"""How long a peer may be silent until another one may take its place, unless told otherwise."""


class Working:
    """In place of a report: the peer works on something, and its next report may take long."""


WORKING = Working()


class OrderSender(Generic[OrderT, ReportT]):
    """The socket of the IOC: it sends orders to the peer in force and receives its reports.

    The first peer that reports is in force, until it ends, is silent for ``patience_s``, or is
    forgotten; what others send changes nothing, see `Peers`. ``part`` is what peers have to be.
    ``history`` returns the log values that a new peer is sent before the order. ``for_new_peer``
    adds to an order what a new peer needs. All orders have it: a new peer that has not looked at
    the first one yet obeys the newest. Nothing that is sent waits for the peer, so the IOC never
    does. Without the ``key`` nobody can send or receive anything.
    """

    def __init__(
        self,
        context: zmq.asyncio.Context,
        endpoint: str,
        report: type[ReportT],
        order: OrderT,
        history: Callable[[], Iterable[PvLogValues]] = tuple,
        for_new_peer: Callable[[OrderT], OrderT] = lambda order: order,
        *,
        part: str = "ranks",
        key: Key | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._kind, self._for_new_peer = report, for_new_peer
        self._order, self._history = order, history
        self.peers = Peers(part, patience_s, time.monotonic)
        self._head = msgspec.msgpack.encode(own_hello("ioc"))
        self._missed = False
        """Whether the peer could not take a message."""
        self._socket = context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, LARGEST_REPORT_BYTES)
        self._socket.setsockopt(zmq.ROUTER_MANDATORY, 1)  # else it drops without an error
        bind(self._socket, endpoint, key)
        self._handshakes = HandshakeWatch(self._socket)
        self._strangers = 0
        self.endpoint: str = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)

    async def command(self, order: OrderT) -> None:
        """Send ``order`` to the peer, and to each new peer that appears."""
        self._order = order
        await self._send_order()

    async def send_log(self, name: str, time_ns: int, value: float) -> None:
        """Send the value that a log has from ``time_ns`` on; ``history`` must have it already."""
        await self._send(LOGS, encoded((PvLogValues.one(name, time_ns, value),)))

    async def _send(self, kind: bytes, body: bytes) -> None:
        """Send to the peer, if there is one, or note that it could not take it."""
        if self.peers.current is not None and not await self._sent(self.peers.current, kind, body):
            self._missed = True

    async def _sent(self, peer: bytes, kind: bytes, body: bytes) -> bool:
        """Send to a peer; whether it could take it."""
        try:
            await self._socket.send_multipart([peer, self._head, kind, body], zmq.DONTWAIT)
        except zmq.ZMQError as error:
            if error.errno not in (zmq.EAGAIN, zmq.EHOSTUNREACH):
                raise
            return False
        return True

    async def report(self) -> ReportT | Working:
        """The next report of the peer in force, or word that the next one may take long.

        Raises `MessageNotUnderstood` for a report of it that is none. What others send is counted
        in ``peers`` and ignored.
        """
        while True:
            await asyncio.sleep(0)  # what comes without end must not stop everything else
            peer, *frames = await self._socket.recv_multipart(copy=False)
            report = await self._taken(peer.bytes, frames)
            if report is not None:
                return report

    async def _taken(self, peer: bytes, frames: list[zmq.Frame]) -> ReportT | Working | None:
        """The report in a message; None if it is no report of a peer that may be in force."""
        try:
            head, body, arrays = _parts(frames)
            hello = hello_in(head)
        except MessageNotUnderstood as error:
            self.peers.ignore(str(error))
            return None
        except ValueError:
            self.peers.ignore("a message that is no report")
            return None
        if not await self._admitted(peer, hello) or body == END:
            if body == END and peer == self.peers.current:
                self.peers.forget()
            return None
        try:
            report = WORKING if body == WORK else decoded(self._kind, body, arrays)
        except MessageNotUnderstood as error:
            why = f"a report of {hello.words} is not understood: {error}"
            await self._sent(peer, REFUSAL, why.encode())
            raise MessageNotUnderstood(why) from None
        if self.peers.take(peer, hello, LONGEST_WORK_S if body == WORK else None):
            self._missed = True
        if self._missed:
            await self._send_all()
        return report

    async def _admitted(self, peer: bytes, hello: Hello) -> bool:
        """Whether a peer is in force or may be; one that may not be is told why."""
        refusal = self.peers.refusal(peer, hello)
        if refusal:
            await self._sent(peer, REFUSAL, refusal.encode())
        return refusal is None

    async def _send_all(self) -> None:
        """Send the log values, then the order, which may slice by these logs."""
        self._missed = False
        for logs in messages_of(self._history()):
            await self._send(LOGS, encoded(logs))
            if self._missed:
                return
        await self._send_order()

    async def _send_order(self) -> None:
        await self._send(ORDER, encoded(self._for_new_peer(self._order)))

    def forget(self) -> None:
        """Note that the peer is gone: ignore its reports that are still on the way."""
        self.peers.forget()

    def note_strangers(self) -> None:
        """Count peers that could not connect, because they have another key or none.

        To be called once a second, since it is also noted that this process runs.
        """
        self.peers.look()
        before, self._strangers = self._strangers, self._handshakes.failed
        for _ in range(self._strangers - before):
            self.peers.ignore(f"a process without the key would connect to {self.endpoint}")

    def close(self) -> None:
        """Close the socket."""
        self._handshakes.close()
        self._socket.close()


def _parts(frames: Sequence[zmq.Frame]) -> tuple[bytes, bytes, list[FrameBytes]]:
    """What says who sends a report, the report, and its large arrays; raises ValueError."""
    head, body, *arrays = frames
    if any(len(each) < FRAME_BYTES for each in arrays):
        raise ValueError("a frame that is no large array")
    return head.bytes, body.bytes, [each.buffer for each in arrays]
