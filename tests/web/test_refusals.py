"""Refusals are counted, and a flood of them does not fill the log."""

from __future__ import annotations

import asyncio
import errno

import pytest

from web.refusals import LOG_PERIOD_S, RefusalCounts


def test_a_flood_is_counted_and_logged_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    refusals = RefusalCounts(lambda: now[0])
    for _ in range(1000):
        refusals.add("message", "somebody", "nonsense")
    refusals.add("put", "somebody", "read only")
    now[0] = LOG_PERIOD_S
    refusals.add("message", "somebody else", "x" * 10_000)
    assert refusals.counts == {"message": 1001, "put": 1}
    lines = [each.getMessage() for each in caplog.records]
    assert len(lines) == 3
    assert lines[0] == "message refused: somebody: 'nonsense'"
    assert "999 more of this kind before" in lines[2]
    assert len(lines[2]) < 300


def test_a_reason_cannot_write_lines_of_its_own_into_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    RefusalCounts().add("message", "somebody", "a\nWARNING all is well\x1b[2J")
    assert "\n" not in caplog.records[0].getMessage()
    assert "\x1b" not in caplog.records[0].getMessage()


async def test_connections_that_wait_for_want_of_files_are_told_in_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    refusals, loop = RefusalCounts(), asyncio.get_running_loop()
    loop.set_exception_handler(refusals.handle)
    for _ in range(100):
        error = OSError(errno.EMFILE, "Too many open files")
        loop.call_exception_handler({"message": "socket.accept()", "exception": error})
    assert refusals.counts == {"connection": 100}
    (line,) = caplog.records
    assert "too many files are open" in line.getMessage()
    loop.call_exception_handler({"message": "something else", "exception": ValueError("words")})
    assert caplog.records[-1].exc_info
