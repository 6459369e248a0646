"""Connections that nobody reads are cut, and those that are read slowly are not."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from web.refusals import RefusalCounts
from web.site.unread import UnreadConnections

PATIENCE_S = 40.0


class FakeTransport:
    """A connection whose unread bytes the test sets."""

    def __init__(self) -> None:
        self.unread, self.file, self.cut = 0, 7, False

    def get_write_buffer_size(self) -> int:
        return self.unread

    def get_extra_info(self, name: str) -> Any:
        socket = SimpleNamespace(fileno=lambda: self.file)
        return {"socket": socket, "peername": ("192.0.2.1", 1234)}[name]

    def abort(self) -> None:
        self.cut, self.file, self.unread = True, -1, 0


class Bench:
    """Connections that are watched, and a clock in hand."""

    def __init__(self) -> None:
        self.now_s, self.refusals = 0.0, RefusalCounts()
        self.watch = UnreadConnections(self.refusals, PATIENCE_S, lambda: self.now_s)

    def connection(self) -> FakeTransport:
        made = FakeTransport()
        self.watch.add(cast(asyncio.Transport, made))
        return made

    def look(self) -> None:
        self.now_s += 1
        self.watch.look()


def test_a_connection_that_reads_nothing_is_cut_and_counted_and_others_are_not() -> None:
    bench = Bench()
    stopped, slow, quick, ended = (bench.connection() for _ in range(4))
    ended.file = -1
    for second in range(200):
        stopped.unread = 0 if stopped.cut else 70_000 + second
        slow.unread = 70_000 - 1000 * (second % 30)
        quick.unread = 1000 * (second % 2)
        bench.look()
        assert stopped.cut == (second >= PATIENCE_S)
    assert not slow.cut
    assert not quick.cut
    assert not ended.cut
    assert bench.refusals.counts == {"slow visitor": 1}


def test_the_patience_begins_when_something_waits_to_be_read() -> None:
    bench = Bench()
    idle = bench.connection()
    for _ in range(1000):
        bench.look()
    idle.unread = 10
    for _ in range(int(PATIENCE_S)):
        bench.look()
        assert not idle.cut
    bench.look()
    assert idle.cut
