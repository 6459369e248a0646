"""Clients that are too many are refused, and clients that send too much are disconnected."""

from __future__ import annotations

import asyncio
import resource
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest

from ioc.ca.serving.bound_sockets import listening as made_listening
from ioc.ca.serving.connections import Connections
from ioc.ca.serving.put_queue import MOST_PUTS
from tests.support.clients.ca_client import network
from tests.support.clients.raw_ca_client import (
    CHAR,
    DOUBLE,
    ECA_NORMAL,
    LONG,
    STRING,
    WRITE_NOTIFY,
    RawClient,
    decoded,
)
from tests.support.ioc.ioc_bench import Ioc


@contextmanager
def most_open_files(more: int) -> Iterator[None]:
    """A context in which this process may open so many files more than it has open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as probe:
        lowest = probe.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.setblocking(False)
        yield made


def connect(server: socket.socket) -> socket.socket:
    return socket.create_connection(server.getsockname(), 20)


def connect_to(ioc: Ioc) -> socket.socket:
    return socket.create_connection(("127.0.0.1", ioc.network.port), 20)


async def closed(client: socket.socket) -> bool:
    try:
        return await asyncio.to_thread(client.recv, 1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("more", [2, 8])
async def test_clients_are_refused_while_few_files_are_left_and_served_again_later(
    more: int,
) -> None:
    with listening() as server, closing(Connections()) as connections, ExitStack() as stack:
        clients = [stack.enter_context(connect(server)) for _ in range(20)]
        await asyncio.to_thread(int)  # so that the thread is there
        with most_open_files(more):  # with 2 more files, clients cannot even be accepted
            accepting = asyncio.create_task(connections.accept(server))
            assert all([await closed(each) for each in clients])
            assert not accepting.done()
        assert connections.refused == 20
        assert connections.problem.startswith("20 clients were refused: ")
        stack.enter_context(connect(server))
        async with asyncio.timeout(20):
            (await accepting).close()
        assert connections.refused == 20


@pytest.fixture(scope="module")
def ioc() -> Iterator[Ioc]:
    with network() as net, Ioc(net) as made:
        yield made


def beats(client: RawClient, name: str) -> float:
    return float(decoded(client.get(name, LONG)).values[0])


def test_an_ioc_without_a_file_left_goes_on_and_tells_whom_it_refused(ioc: Ioc) -> None:
    with RawClient(ioc.network.port) as client:
        beat, message = ioc.prefix + "HEARTBEAT", ioc.prefix + "StatusMessage_RBV"
        first = beats(client, beat)
        with most_open_files(1), connect_to(ioc) as refused:
            assert refused.recv(1) == b""
            while beats(client, beat) < first + 3:
                time.sleep(0.1)
            assert b"clients were refused: " in client.get(message, CHAR).payload
            assert "OK" not in str(decoded(client.get(ioc.prefix + "Status_RBV", STRING)).values)
    assert ioc.number("ClientsRefused_RBV") >= 1


def test_a_client_is_served_in_the_place_of_a_connection_that_nobody_uses(
    ioc: Ioc, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat = ioc.prefix + "HEARTBEAT"
    with RawClient(ioc.network.port) as user, ExitStack() as stack:
        first = beats(user, beat)
        unused = [stack.enter_context(connect_to(ioc)) for _ in range(3)]
        last = stack.enter_context(RawClient(ioc.network.port))
        assert last.open(beat)  # so that those before it are accepted
        with socket.socket() as probe:
            limit = probe.fileno()
        monkeypatch.setattr("ioc.ca.serving.connections.most_files", lambda: limit + 9)
        monkeypatch.setattr("ioc.ca.serving.connections.reserved_files", lambda: 9)
        monkeypatch.setattr("ioc.ca.server.UNUSED_AT_LIMIT_S", 0)
        monkeypatch.setattr("ioc.ca.server.UNUSED_S", 1000)
        with RawClient(ioc.network.port) as new:
            assert beats(new, beat) >= first
            assert unused[0].recv(1) == b""
            monkeypatch.setattr("ioc.ca.server.UNUSED_S", 0)
            assert [each.recv(1) for each in unused[1:]] == [b"", b""]
            assert beats(new, beat) >= first
            assert beats(user, beat) >= first


def write_header(size: int) -> bytes:
    """The head of a put of so many bytes."""
    return struct.pack(">HHHHII", 4, 0xFFFF, 4, 0, 1, 1) + struct.pack(">II", size, size)


def test_a_client_that_announces_two_gigabytes_is_disconnected_before_it_sends_them(
    ioc: Ioc, caplog: pytest.LogCaptureFixture
) -> None:
    with connect_to(ioc) as client:
        client.sendall(write_header(2**31))
        while client.recv(4096):
            continue
    assert "disconnected: it announces a message of 2147483648 bytes" in caplog.text
    assert ioc.get("HEARTBEAT")


def test_a_message_that_no_client_sends_ends_its_connection_and_is_told_in_one_line(
    ioc: Ioc, caplog: pytest.LogCaptureFixture
) -> None:
    with connect_to(ioc) as client:
        client.sendall(struct.pack(">HHHHII", 24, 0, 0, 0, 0, 0))  # it registers at a repeater
        while client.recv(4096):
            continue
    assert "a client breaks the protocol: " in caplog.text
    assert "Traceback" not in caplog.text
    assert ioc.get("HEARTBEAT")


def test_a_name_that_a_client_claims_is_a_short_part_of_one_line_of_the_log(
    ioc: Ioc, caplog: pytest.LogCaptureFixture
) -> None:
    user = b"\x1b[1m\nanna" + b"x" * 50_000
    name = ioc.prefix + 'Pause.{"arr":\n{}}'
    with RawClient(ioc.network.port, user=user) as client:
        for each in (ioc.prefix + "Pause", name):
            assert client.put(each, STRING, b"nothing\0") != ECA_NORMAL
    first, second = (each for each in caplog.messages if "'nothing' refused" in each)
    assert f"Pause from ?[1m?anna{'x' * 51}…@127.0.0.1:" in first
    assert second.startswith(f'{ioc.prefix}Pause.{{"arr":?{{}}}} from ')
    assert all(len(each) < 300 and each.isprintable() for each in caplog.messages)


def test_a_client_may_have_many_channels_and_not_any_number(
    ioc: Ioc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ioc.ca.serving.client_limits.MOST_CHANNELS", 3)
    with RawClient(ioc.network.port) as client:
        names = [ioc.prefix + each for each in ("Pause", "Pause.DESC", "Pause.NAME", "HEARTBEAT")]
        assert [client.open(each) is None for each in names] == [False, False, False, True]
        client.close(names[0])
        assert client.open(names[0]) is not None


def test_a_client_that_uses_a_number_for_two_puts_at_once_gets_an_answer_and_goes_on(
    ioc: Ioc, caplog: pytest.LogCaptureFixture
) -> None:
    name = ioc.prefix + "Red1:BinMin"
    with RawClient(ioc.network.port) as client:
        opened = client.open(name)
        assert opened is not None
        for value in (0.5, 0.6):
            client.send(WRITE_NOTIFY, DOUBLE, 1, opened.sid, 7, struct.pack(">d", value))
        while not any(each.command == WRITE_NOTIFY for each in client.answers()):
            continue
        assert client.put(name, DOUBLE, struct.pack(">d", 0.7)) == ECA_NORMAL
    assert "Traceback" not in caplog.text


def test_a_client_with_very_many_puts_in_progress_has_to_wait_and_gets_all_its_answers(
    ioc: Ioc,
) -> None:
    name, many = ioc.prefix + "Red1:BinMin", MOST_PUTS + 50
    with RawClient(ioc.network.port) as client:
        opened = client.open(name)
        assert opened is not None
        for number in range(many):
            payload = struct.pack(">d", 0.5 + number / many / 10)
            client.send(WRITE_NOTIFY, DOUBLE, 1, opened.sid, 1000 + number, payload)
        answered: list[int] = []
        while len(answered) < many:
            answered += [each.two for each in client.answers() if each.command == WRITE_NOTIFY]
    assert answered == list(range(1000, 1000 + many))


async def test_a_port_is_listened_on_as_soon_as_it_is_bound_so_nobody_else_gets_it() -> None:
    def bound(interface: str, port: int) -> socket.socket:
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((interface, port))
        return made

    async def make(interface: str, port: int) -> socket.socket:
        opened.append(bound(interface, port))
        return opened[-1]

    opened: list[socket.socket] = []
    with closing(bound("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        mine = await made_listening(make)("127.0.0.1", port)
        with closing(mine), pytest.raises(OSError, match="in use"):
            other.listen()

        async def overtaken(interface: str, port: int) -> socket.socket:
            made = await make(interface, port)
            other.listen()
            return made

        with pytest.raises(OSError, match="in use"):
            await made_listening(overtaken)("127.0.0.1", port)
        assert opened[-1].fileno() == -1
