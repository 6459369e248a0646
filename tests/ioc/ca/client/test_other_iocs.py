"""Another IOC with the same names is noticed, and this one is never taken for another."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable

import caproto
import pytest

from ioc.ca.client.other_iocs import (
    FORGOTTEN_S,
    MOST_PLACES,
    SEARCH_NUMBER,
    CaSearch,
    OtherIocs,
    ServedPlace,
    is_this_host,
)
from tests.support.ioc.ioc_bench import Ioc


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def searching(others: OtherIocs) -> AsyncIterator[None]:
    task = asyncio.create_task(others.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_an_ioc_that_answers_for_the_same_name_is_told_with_its_place(
    ioc: Ioc, caplog: pytest.LogCaptureFixture
) -> None:
    name, port, now_s = f"{ioc.prefix}HEARTBEAT", ioc.network.port, [0.0]
    place = ServedPlace(port + 1, frozenset({("127.0.0.1", port)}))
    others = OtherIocs(CaSearch(name), lambda: place, lambda: now_s[0])
    async with searching(others):
        await until(lambda: others.problem != "")
    assert others.problem == f"another IOC serves {name} too, at 127.0.0.1:{port}"
    assert caplog.text.count("another IOC serves") == 1
    now_s[0] += FORGOTTEN_S
    assert others.problem == ""


def test_an_ioc_is_no_other_to_itself(ioc: Ioc) -> None:
    ioc.until(lambda: ioc.number("HEARTBEAT") >= 3)  # it has searched twice
    assert ioc.get("StatusMessage_RBV", "-S") == ""


async def test_an_answer_from_the_own_port_of_this_host_is_its_own(ioc: Ioc) -> None:
    port, answers = ioc.network.port, 0
    place = ServedPlace(port, frozenset({("127.0.0.1", port)}))

    class Counting(OtherIocs):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            nonlocal answers
            super().datagram_received(data, addr)
            answers += 1

    others = Counting(CaSearch(f"{ioc.prefix}HEARTBEAT"), lambda: place)
    async with searching(others):
        await until(lambda: answers > 0)
    assert others.problem == ""


def test_answers_of_others_and_junk_are_told_apart() -> None:
    others = OtherIocs(CaSearch("X"), lambda: ServedPlace(5064, frozenset()))
    for junk in (b"", b"\0" * 15, b"\xff" * 64, b"\0\x06" + b"\0" * 30):
        others.datagram_received(junk, ("192.0.2.1", 5064))
    assert others.problem == ""
    assert is_this_host("127.0.0.7")
    assert not is_this_host("192.0.2.1")


def test_answers_of_any_number_of_ports_are_few_in_words_and_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now_s = [0.0]
    others = OtherIocs(CaSearch("X"), lambda: ServedPlace(5064, frozenset()), lambda: now_s[0])

    def answer(port: int) -> None:
        version = caproto.VersionResponse(caproto.DEFAULT_PROTOCOL_VERSION)
        found = caproto.SearchResponse(port, None, SEARCH_NUMBER, caproto.DEFAULT_PROTOCOL_VERSION)
        others.datagram_received(bytes(version) + bytes(found), ("192.0.2.1", 5064))

    with caplog.at_level(logging.WARNING):
        for port in range(6000, 7000):
            answer(port)
    assert others.problem.count("192.0.2.1:") == MOST_PLACES == len(caplog.records)
    now_s[0] += FORGOTTEN_S
    answer(6999)
    assert others.problem == "another IOC serves X too, at 192.0.2.1:6999"
