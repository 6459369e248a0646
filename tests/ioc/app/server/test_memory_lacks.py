"""A service without memory goes on later, and which limit was reached is told for a while."""

from __future__ import annotations

import asyncio

import pytest

from ioc.app.server import memory_lacks
from ioc.app.server.memory_lacks import TOLD_FOR_S, MemoryLacks


async def test_a_service_goes_on_after_a_lack_of_memory_that_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(memory_lacks, "AGAIN_S", 0)
    now_s, begun = 0.0, 0
    lacks = MemoryLacks(lambda: now_s)

    async def service() -> None:
        nonlocal begun
        begun += 1
        if begun < 4:
            raise MemoryError("Unable to allocate 3 GiB")

    assert lacks.problem == ""
    await lacks.survived(service)
    assert begun == 4
    words = "IOC: no memory is left (Unable to allocate 3 GiB): "
    assert lacks.problem.startswith(words)
    assert caplog.text.count(words) == 1
    now_s = TOLD_FOR_S
    assert lacks.problem == ""


async def test_other_errors_and_the_end_pass() -> None:
    async def wrong() -> None:
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        await MemoryLacks().survived(wrong)
    running = asyncio.create_task(MemoryLacks().survived(asyncio.Event().wait))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
