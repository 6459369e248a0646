"""A put of a file whose disk does not answer is refused in time, and changes nothing later."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ioc.puts.file_reads import FileReads
from reduction.files.nexus_writer import write_nexus
from reduction.host.file_system.file_threads import FileThreads
from reduction.instrument.detector_file import DetectorFileKind
from reduction.instrument.geometry import powder_arc
from reduction.instrument.load_files import LoadedFile, load_file
from reduction.parameters.corrections import CorrectionSettings
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.specs import Refused
from tests.support.ioc.order_bench import OrderBench
from tests.support.results.saved_sample import sample


class Disk:
    """Reads files; those below ``/dead`` only once it answers."""

    def __init__(self) -> None:
        self.answers = threading.Event()

    def load(self, kind: DetectorFileKind, path: str) -> LoadedFile:
        if path.startswith("/dead"):
            self.answers.wait()
            path = path.removeprefix("/dead")
        return load_file(kind, path, powder_arc())


@pytest.fixture
def disk() -> Iterator[Disk]:
    made = Disk()
    yield made
    made.answers.set()


async def obeyed(bench: OrderBench, pv: str, value: Any) -> Any:
    """What a put returns whose orders are obeyed at once."""
    put = await bench.put(pv, value)
    async with asyncio.timeout(20):
        while not put.done():
            await bench.report_all()
            await asyncio.sleep(0.001)
    return await put


@pytest.mark.parametrize("pv", ["Red1:Calibration", "Red1:MaskFile", "Red1:GroupsFile"])
async def test_the_put_fails_and_is_not_applied_when_the_disk_answers(
    disk: Disk, tmp_path: Path, pv: str
) -> None:
    path = tmp_path / "good.cal"
    path.write_text("0 3 0.1 1 1\n1 4 0.1 0 2\n")
    threads = FileThreads(0.05)
    bench = OrderBench(reads=FileReads(disk.load, threads))
    before = bench.orders.ranks.newest
    with pytest.raises(Refused, match=r"its disk did not answer within 0\.05 s"):
        await bench.asked(pv, f"/dead{path}")
    threads.answer_s = 60
    assert await obeyed(bench, "Red1:BinParams", "1,1,4") == "1,1,4"
    assert await obeyed(bench, pv, str(path)) == str(path), "another file is read"
    assert await obeyed(bench, pv, "") == ""
    disk.answers.set()
    await bench.report_all()
    now = bench.orders.ranks.newest
    assert now.reductions[0].settings.detectors == before.reductions[0].settings.detectors


async def test_a_vanadium_on_a_silent_disk_is_refused_while_a_background_is_read(
    tmp_path: Path,
) -> None:
    path = tmp_path / "good.nxs"
    write_nexus(sample(), path)
    silent = threading.Event()
    threads = FileThreads(0.05)
    reads = FileReads(threads=threads)
    with pytest.raises(TimeoutError):
        await threads.run("/dead/van.nxs", silent.wait)
    threads.answer_s = 60
    both = CorrectionSettings(background=str(path), vanadium="/dead/van.nxs")
    with pytest.raises(Refused, match=r"Vanadium: '/dead/van.nxs' refused: its disk has not"):
        await reads.references(ReductionSettings(corrections=both), None)
    good = ReductionSettings(corrections=CorrectionSettings(background=str(path)))
    found = await reads.references(good, None)
    assert found.background is not None
    assert await reads.references(good, found) is found
    silent.set()
