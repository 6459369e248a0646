"""A client that asks for names that do not exist, without a search, is refused and fills no log."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys

import pytest

from ioc.ca.channel import channel
from ioc.pva.addresses import Addresses
from reduction.parameters.specs import Float
from tests.support.clients.ca_client import Network

pytest.importorskip("p4p", reason="pvAccess is served with p4p")

from ioc.pva.normative import Normative
from ioc.pva.refusals import unsaid_refusals
from ioc.pva.search import MAGIC, VERSION
from ioc.pva.server import PvAccess

CONNECTION_VALIDATION, CONNECTION_VALIDATED, CREATE_CHANNEL = 1, 9, 7
OK_STATUS = 0xFF


def message(command: int, payload: bytes) -> bytes:
    return struct.pack("<BBBBI", MAGIC, VERSION, 0, command, len(payload)) + payload


def text(words: str) -> bytes:
    return bytes([len(words)]) + words.encode()


def created(port: int, names: list[str]) -> list[bool]:
    """Whether a client gets a channel of each name, for which it does not search."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=60) as client,
        client.makefile("rb") as answers,
    ):
        buffers = struct.pack("<IHH", 1 << 16, 1 << 15, 0)
        client.sendall(message(CONNECTION_VALIDATION, buffers + text("anonymous") + b"\xff"))
        for number, name in enumerate(names):
            client.sendall(message(CREATE_CHANNEL, struct.pack("<HI", 1, number) + text(name)))
        found = list[bool]()
        while len(found) < len(names):
            *_, control, command, length = struct.unpack("<BBBBI", answers.read(8))
            payload = b"" if control & 1 else answers.read(length)
            if command == CREATE_CHANNEL:
                found.append(payload[8] == OK_STATUS)
    return found


async def test_a_name_that_is_not_there_is_refused_without_a_line(
    net: Network, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    served = channel(Float(pv="F", description="f"), 1.0)
    addresses = Addresses(port=net.port, search_port=net.search_port)
    pva = PvAccess({"T:F"}.__contains__, lambda _: Normative(served), addresses)
    serving = asyncio.create_task(pva.serve())
    await asyncio.sleep(0)
    names = ["nothing", "T:F", "T:G", "T:F.DESC"]
    assert await asyncio.to_thread(created, net.port, names) == [False, True, False, False]
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    assert "makeChannel" not in capfd.readouterr().err
    assert not caplog.messages


def test_other_errors_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.excepthook
    with unsaid_refusals():
        sys.excepthook(TypeError, TypeError('makeChannel("x") must return SharedPV'), None)
        sys.excepthook(TypeError, TypeError("it is no number"), None)
        sys.excepthook(ValueError, ValueError('makeChannel("x") failed'), None)
    assert sys.excepthook is before
    said = capsys.readouterr().err
    assert [each for each in ("SharedPV", "no number", "failed") if each in said] == [
        "no number",
        "failed",
    ]
