"""A client of pvAccess that sends a message of any length costs little, and others are served."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Any

import numpy as np
import psutil
import pytest

from ioc.ca.channel import channel
from ioc.pva.addresses import Addresses
from reduction.parameters.specs import Array
from tests.support.clients.ca_client import Network

pytest.importorskip("p4p", reason="pvAccess is served with p4p")

from p4p.server import Server as P4pServer

from ioc.pva.connection_limit import limits_connections
from ioc.pva.held_messages import MOST_GROWN_BYTES, HeldMessages, PeerSocket
from ioc.pva.message_limit import MOST_MESSAGE_BYTES, MessageLimit, client_sockets
from ioc.pva.normative import Normative
from ioc.pva.search import MAGIC, VERSION
from ioc.pva.server import CLIENTS_DETAIL, PvAccess
from ioc.pva.stalled_clients import LONGEST_STALL_S, StalledClients
from ioc.pva.unused_clients import UNUSED_S, UnusedClients
from tests.support.clients.pva_client import context

MIB = 1 << 20
CONNECTION_VALIDATION, ECHO, CREATE_CHANNEL, GET, INIT = 1, 2, 7, 10, 0x08
NO_COMMAND = 0x7F
"""A command that does not exist: the server drops the message once it is complete."""

FIRST, MIDDLE = 0x10, 0x30
"""Flags of the segments of a message."""

pytestmark = pytest.mark.skipif(not limits_connections(), reason="this system is not Linux")


@asynccontextmanager
async def served(net: Network) -> AsyncIterator[tuple[PvAccess, int]]:
    """A server of ``T:A``, and its port."""
    value = channel(Array(pv="A", description="a"), np.zeros(3), max_length=3)
    addresses = Addresses(port=net.port, search_port=net.search_port)
    pva = PvAccess({"T:A"}.__contains__, lambda _: Normative(value), addresses)
    serving = asyncio.create_task(pva.serve())
    try:
        await asyncio.sleep(0)
        yield pva, net.port
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def told(pva: PvAccess) -> str:
    """What the server says for a minute of a client that it has cut."""
    while not (words := pva.problem()):
        await asyncio.sleep(0.05)
    return words


def header(length: int) -> bytes:
    return struct.pack("<BBBBI", MAGIC, VERSION, 0, NO_COMMAND, length)


def segment(flag: int, length: int) -> bytes:
    return struct.pack("<BBBBI", MAGIC, VERSION, flag, NO_COMMAND, length) + bytes(length)


def drained(client: socket.socket) -> None:
    """Take what the server has sent."""
    client.setblocking(False)
    with suppress(OSError):
        while client.recv(1 << 16):
            continue
    client.settimeout(60)


def text(words: str) -> bytes:
    return struct.pack("<BI", 0xFE, len(words)) + words.encode()


def sent_until_cut(port: int, peer_in_user: str = "") -> int:
    """How many MiB of a message of 2 GB are sent until the server cuts the connection.

    The name of the user may contain the line of a client in the description of the server.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        if peer_in_user:
            name, own = "user", f"127.0.0.1:{client.getsockname()[1]}"
            structure = b"\x80" + text("") + b"\x01" + text(name) + b"\x60"
            user = text(peer_in_user.format(own))
            body = struct.pack("<IHH", 1 << 16, 1 << 15, 0) + text("ca") + structure + user
            head = struct.pack("<BBBBI", MAGIC, VERSION, 0, CONNECTION_VALIDATION, len(body))
            client.sendall(head + body)
        client.sendall(header(2_000_000_000))
        for number in range(1900):
            try:
                client.sendall(bytes(MIB))
            except OSError:
                return number
    return 1900


async def test_a_message_of_2_gb_is_cut_and_told_and_others_are_served(net: Network) -> None:
    async with served(net) as (pva, port):
        before = psutil.Process().memory_info().rss
        sent, words = await asyncio.gather(asyncio.to_thread(sent_until_cut, port), told(pva))
        assert MOST_MESSAGE_BYTES // MIB < sent < 1900
        assert psutil.Process().memory_info().rss - before < (sent + 200) * MIB
        assert words.startswith("pvAccess client 127.0.0.1:")
        assert words.endswith(" was cut: a message of over 16 MiB")
        with context(net) as client:
            assert (await asyncio.to_thread(client.get, "T:A")).tolist() == [0, 0, 0]


async def test_a_client_that_writes_into_the_description_of_the_server_is_cut(
    net: Network,
) -> None:
    lie = "\n    Peer{} backlog=0 TX=9 RX=9000000000 auth=ca\n"
    async with served(net) as (pva, port):
        sending = asyncio.to_thread(sent_until_cut, port, lie)
        sent, words = await asyncio.gather(sending, told(pva))
        assert MOST_MESSAGE_BYTES // MIB < sent < 1900
        assert "was cut" in words


async def test_many_messages_of_any_total_length_are_taken(net: Network) -> None:
    settings = Addresses(port=net.port, search_port=net.search_port).settings
    with (
        P4pServer([], conf=settings, useenv=False) as server,
        socket.create_connection(("127.0.0.1", net.port), timeout=60) as client,
    ):
        limit = MessageLimit(net.port, partial(server.tostr, CLIENTS_DETAIL))
        for _ in range(3 * MOST_MESSAGE_BYTES // MIB):
            await asyncio.to_thread(client.sendall, header(MIB) + bytes(MIB))
            await limit.look()
        async with asyncio.timeout(20):
            while [each.received // MIB for each in client_sockets(net.port)] != [48]:
                await asyncio.sleep(0.01)
        await limit.look()
        assert limit.problem == ""
        await asyncio.to_thread(client.sendall, header(MIB) + bytes(MIB))


async def test_a_message_in_segments_that_do_not_end_is_cut_and_told(net: Network) -> None:
    def sent_until_cut_mib() -> int:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
            for number in range(2000):
                try:
                    client.sendall(segment(MIDDLE if number else FIRST, MIB))
                except OSError:
                    return number
        return 2000

    async with served(net) as (pva, port):
        sent, words = await asyncio.gather(asyncio.to_thread(sent_until_cut_mib), told(pva))
        assert MOST_GROWN_BYTES // MIB <= sent < 2000
        assert words.endswith(" was cut: segments of messages that do not end")
        with context(net) as client:
            assert (await asyncio.to_thread(client.get, "T:A")).tolist() == [0, 0, 0]


def test_only_who_sends_much_while_this_process_grows_is_suspected() -> None:
    memory = 1000
    held = HeldMessages(most_grown=100, much_sent_bytes=50, held=lambda: memory)

    def suspected(**received: int) -> list[str]:
        clients = [PeerSocket(0, peer, count) for peer, count in received.items()]
        return [each.peer for each in held.suspected(clients)]

    assert suspected(busy=0, quiet=0) == []
    assert suspected(busy=500, quiet=0) == []  # its messages are complete
    memory = 1101
    assert suspected(busy=500, quiet=40, late=500) == ["busy"]  # the last came after the growth
    memory = 900
    assert suspected(busy=500, quiet=40, late=500) == []
    memory = 1001
    assert suspected(busy=550, quiet=91, late=560) == ["quiet", "late"]


def operations_opened_until_cut(port: int, most: int) -> int:
    """How many reads a client opens, without reading anything, until the server cuts it."""
    structure, nothing = b"\x80" + text("") + b"\x00", b"\xff"
    validation = struct.pack("<IHH", 1 << 16, 1 << 15, 0) + text("anonymous") + nothing
    create = struct.pack("<HI", 1, 1) + text("T:A")

    def message(command: int, body: bytes) -> bytes:
        return struct.pack("<BBBBI", MAGIC, VERSION, 0, command, len(body)) + body

    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(message(CONNECTION_VALIDATION, validation) + message(CREATE_CHANNEL, create))
        answers = b""
        while (created := answers.find(struct.pack("<BBBB", MAGIC, VERSION, 0x40, 7))) < 0:
            answers += client.recv(4096)
        sid = answers[created + 12 : created + 16]
        for first in range(0, most, 100):
            numbers = range(first + 100, first + 200)
            opened = (sid + struct.pack("<IB", each, INIT) + structure for each in numbers)
            try:
                client.sendall(b"".join(message(GET, each) for each in opened))
            except OSError:
                return first
            drained(client)
    return most


async def test_a_client_that_opens_reads_without_an_end_is_cut_and_told(
    net: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ioc.pva.message_limit.MOST_MORE_OPERATIONS", 2000)
    monkeypatch.setattr("ioc.pva.message_limit.MANY_OPENED_BYTES", 2000 * 20)
    async with served(net) as (pva, port):
        assert await asyncio.to_thread(operations_opened_until_cut, port, 1_000_000) < 1_000_000
        assert pva.problem().endswith(" was cut: over 2000 monitors, reads and puts at once")
        with context(net) as client:
            assert (await asyncio.to_thread(client.get, "T:A")).tolist() == [0, 0, 0]


def test_only_who_takes_nothing_for_a_minute_while_something_waits_is_stalled() -> None:
    now_s = 0.0
    stalls = StalledClients(lambda: now_s)

    def stalled(unsent: int, **acknowledged: int) -> list[str]:
        clients = [PeerSocket(0, peer, 9, count, unsent) for peer, count in acknowledged.items()]
        return [each.peer for each in stalls.stalled(clients)]

    assert stalled(1, full=5, slow=5) == []
    now_s = LONGEST_STALL_S - 1
    assert stalled(1, full=5, slow=6) == []
    now_s = LONGEST_STALL_S + 1
    assert stalled(1, full=5, slow=6, late=5) == ["full"]
    assert stalled(0, full=5) == []
    assert stalled(1, full=5) == []


async def test_a_client_that_takes_nothing_is_cut_and_told(
    net: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ioc.pva.stalled_clients.LONGEST_STALL_S", 0.5)
    echo = struct.pack("<BBBBI", MAGIC, VERSION, 0, ECHO, MIB) + bytes(MIB)
    async with served(net) as (pva, port), asyncio.timeout(60):
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
            for _ in range(30):  # each is answered by as much, which is not read
                await asyncio.to_thread(client.sendall, echo)
            while "taken nothing for" not in pva.problem():
                await asyncio.sleep(0.01)


async def test_without_a_file_to_look_with_it_goes_on(
    net: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = list[int]()

    def no_file_left() -> list[int]:
        looks.append(1)
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("ioc.pva.message_limit.LOOK_S", 0.01)
    monkeypatch.setattr("ioc.pva.message_limit.open_files", no_file_left)
    async with served(net), asyncio.timeout(60):
        while len(looks) < 3:
            await asyncio.sleep(0.01)


def test_a_client_is_unused_once_it_has_had_no_channel_for_a_while() -> None:
    now_s, used = 0.0, {"user", "left"}
    clients = UnusedClients(used, lambda: now_s)

    def unused(*peers: str) -> list[str]:
        return [each.peer for each in clients.unused([PeerSocket(0, peer, 9) for peer in peers])]

    assert unused("user", "left", "idle", "gone") == []
    used.remove("left")
    now_s = UNUSED_S - 1
    assert unused("user", "left", "idle") == []
    now_s = UNUSED_S + 1
    assert unused("user", "left", "idle", "gone", "new") == ["idle"]
    now_s = 2 * UNUSED_S
    assert unused("user", "left", "idle") == ["left", "idle"]


async def test_connections_that_nobody_uses_make_room_while_few_files_are_left(
    net: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ioc.pva.unused_clients.UNUSED_S", 0.5)
    async with served(net) as (_, port), asyncio.timeout(60):
        with context(net) as client, ExitStack() as stack:
            values = asyncio.Queue[float]()
            loop = asyncio.get_running_loop()

            def note(value: Any) -> None:
                loop.call_soon_threadsafe(values.put_nowait, len(value))

            stack.callback(client.monitor("T:A", note).close)
            assert await values.get() == 3
            address = "127.0.0.1", port
            idle = [stack.enter_context(socket.create_connection(address)) for _ in range(5)]
            monkeypatch.setattr("ioc.pva.message_limit.few_files_left", lambda: True)
            for each in idle:
                await asyncio.to_thread(all_received, each)
            peers = [each.peer for each in client_sockets(port)]
            assert len(peers) == 1, "the client with a channel stays"
            assert (await asyncio.to_thread(client.get, "T:A")).tolist() == [0, 0, 0]


def all_received(client: socket.socket) -> None:
    """Receive until the server ends the connection."""
    client.settimeout(50)
    while client.recv(1 << 16):
        continue
