"""Process variables as logs; the control system is in the hands of the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from typing import Any

import pytest

from ioc.ca.client.pv_monitors import INVALID, LOST, NO_NUMBER, PvUpdate, PvValue
from ioc.pv_logs.log_history import PvLogHistory
from ioc.pv_logs.log_times import HostClocks
from ioc.pv_logs.pv_logs import PvLogs
from ioc.pv_logs.recorder import PvLogRecorder
from reduction.control.reports import RanksReport
from reduction.parameters.all_reductions.readings import BackendStatus, StreamStatus
from reduction.parameters.specs import Refused

ANSWER_S, SEARCH_ON_S = 0.05, 0.1
NOW_NS = 1_767_225_600_000_000_000


class Bench:
    """Logs of the stream, process variables, and what becomes of them."""

    def __init__(self) -> None:
        self.filters: set[str] = set()
        self.sent: list[tuple[str, int, float]] = []
        self.followed: list[str] = []
        self.variables: dict[str, asyncio.Queue[PvUpdate | Refused]] = {}
        self.history = PvLogHistory()
        clocks = HostClocks(lambda: NOW_NS, lambda: 0)
        recorder = PvLogRecorder(self.history, self._send, clocks)
        self.logs = PvLogs(self._source, recorder, lambda: self.filters, ANSWER_S, SEARCH_ON_S)

    async def _source(self, name: str) -> AsyncGenerator[PvUpdate, None]:
        self.followed.append(name)
        try:
            while True:
                news = await self.variables.setdefault(name, asyncio.Queue()).get()
                if isinstance(news, Refused):
                    raise news
                yield news
        finally:
            self.followed.remove(name)

    async def _send(self, name: str, time_ns: int, value: float) -> None:
        self.sent.append((name, time_ns, value))

    def reported(self, logs: list[str]) -> None:
        report = RanksReport(0, 0, StreamStatus(), BackendStatus(), logs=tuple(logs))
        self.logs.reported(report)

    def tell(self, name: str, news: PvUpdate | Refused) -> None:
        self.variables.setdefault(name, asyncio.Queue()).put_nowait(news)

    async def slice_by(self, name: str) -> None:
        """What a put of a filter's log does."""
        async with self.logs.available([name]):
            self.filters = {name}


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 10))


async def test_a_log_of_the_stream_is_taken_as_it_is(bench: Bench) -> None:
    bench.reported(["temperature"])
    await bench.slice_by("temperature")
    await settle()
    assert bench.followed == []


async def test_a_process_variable_is_sent_before_the_order_and_followed_while_used(
    bench: Bench,
) -> None:
    bench.reported(["temperature"])
    bench.tell("Cryo:T", PvValue(NOW_NS + 7, 295.0))
    async with bench.logs.available(["Cryo:T"]):
        assert bench.sent == [("Cryo:T", NOW_NS + 7, 295.0)]
        bench.filters = {"Cryo:T"}
    bench.tell("Cryo:T", PvValue(NOW_NS + 9, 300.0))
    await settle()
    assert bench.sent[1:] == [("Cryo:T", NOW_NS + 9, 300.0)]
    bench.reported(["Cryo:T", "temperature"])
    assert bench.followed == ["Cryo:T"], "the ranks report what was forwarded to them, too"
    await bench.slice_by("temperature")
    await settle()
    assert bench.followed == []
    (kept,) = bench.history.logs()
    assert (kept.name, kept.values.tolist()) == ("Cryo:T", [295.0, 300.0])


async def test_what_is_no_log_is_refused_with_those_that_are_and_not_followed(bench: Bench) -> None:
    bench.reported(["pressure", "temperature"])
    with pytest.raises(Refused) as refused:
        await bench.slice_by("temprature")
    for words in (
        "answers within 0.05 s",
        "did you mean temperature?",
        "the logs are pressure, temperature",
        "if it is slow, put it again",
    ):
        assert words in str(refused.value)
    await asyncio.sleep(2 * SEARCH_ON_S)
    assert bench.followed == []


async def test_one_that_answers_late_is_found_by_the_next_put_and_no_problem_meanwhile(
    bench: Bench,
) -> None:
    bench.reported([])
    with pytest.raises(Refused):
        await bench.slice_by("Cryo:T")
    bench.tell("Cryo:T", LOST)
    await settle()
    assert bench.logs.problems == ""
    bench.tell("Cryo:T", PvValue(NOW_NS + 7, 295.0))
    await settle()
    await asyncio.wait_for(bench.slice_by("Cryo:T"), ANSWER_S / 2)
    await asyncio.sleep(2 * SEARCH_ON_S)
    assert bench.followed == ["Cryo:T"]
    await bench.logs.close()


async def test_one_that_was_never_there_is_called_so_and_not_lost(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.slice_by("presure")  # taken before the first report
    bench.reported(["pressure"])
    await settle()
    bench.tell("presure", LOST)
    await settle()
    assert bench.logs.problems == (
        "log presure is not there, in the stream or as a process variable; did you mean pressure?"
    )
    assert "not connected" not in caplog.text
    await bench.logs.close()


async def test_a_process_variable_that_holds_no_number_is_refused_at_once(bench: Bench) -> None:
    bench.reported([])
    bench.tell("Cryo:Name", Refused("Log", "Cryo:Name", "it holds text"))
    with pytest.raises(Refused, match="it holds text"):
        await bench.slice_by("Cryo:Name")


async def test_an_order_that_is_refused_leaves_nothing_followed(bench: Bench) -> None:
    bench.reported([])
    bench.tell("Cryo:T", PvValue(NOW_NS + 7, 295.0))
    with pytest.raises(TimeoutError):
        async with bench.logs.available(["Cryo:T"]):
            raise TimeoutError
    await settle()
    assert bench.followed == []


async def test_before_the_first_report_any_name_is_taken_and_looked_for_after_it(
    bench: Bench,
) -> None:
    await bench.slice_by("Cryo:T")
    assert bench.followed == []
    bench.reported([])
    await settle()
    assert bench.followed == ["Cryo:T"]
    bench.reported(["Cryo:T"])
    await settle()
    assert bench.followed == [], "it is a log of the stream"


async def test_a_lost_one_is_remarked_on_until_it_is_back(bench: Bench) -> None:
    bench.reported([])
    bench.tell("Cryo:T", PvValue(NOW_NS + 7, 295.0))
    await bench.slice_by("Cryo:T")
    assert bench.logs.problems == ""
    bench.tell("Cryo:T", LOST)
    await settle()
    assert bench.logs.problems == "log Cryo:T: not connected, its last value is used"
    bench.tell("Cryo:T", PvValue(NOW_NS + 9, 296.0))
    await settle()
    assert bench.logs.problems == ""
    await bench.logs.close()
    assert bench.followed == []


@pytest.mark.parametrize("problem", [INVALID, NO_NUMBER])
async def test_one_without_a_valid_value_keeps_its_last_one_or_is_refused(problem: str) -> None:
    bench = Bench()
    bench.reported([])
    bench.tell("Cryo:T", problem)
    with pytest.raises(Refused, match=f"it is {problem}"):
        await bench.slice_by("Cryo:T")
    bench.tell("Cryo:T", PvValue(NOW_NS + 7, 295.0))
    await bench.slice_by("Cryo:T")
    bench.tell("Cryo:T", problem)
    await settle()
    assert bench.sent == [("Cryo:T", NOW_NS + 7, 295.0)]
    assert bench.logs.problems == f"log Cryo:T: {problem}, its last value is used"
