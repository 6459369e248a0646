"""``File:Write`` saves the posted result under a name that nobody has."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ioc.model.file_parameters import FileSettings
from ioc.model.ioc_order import IocOrder
from ioc.model.pvs import PvRow, pv_rows
from ioc.posting.file_write import FileWriter, SavingSources
from ioc.puts.ioc_settings import IocSettings
from ioc.security.rules import Client
from reduction.files.nexus_reader import read_nexus
from reduction.host.file_system.allowed_folders import AllowedFolders
from reduction.host.file_system.file_threads import FileThreads
from reduction.parameters.images.image_readings import (
    AreaDetectorReadings,
    ArrayReadings,
    ImageReadings,
    MapReadings,
)
from reduction.parameters.reduction import FilterSettings
from reduction.parameters.specs import Refused
from tests.support.ioc.publisher_bench import PublisherBench, at_once, reduction, report
from tests.support.results.saved_sample import names

(WRITE,) = [row for row in pv_rows("") if row.name == "File:Write"]
ANNA = Client("192.0.2.1", "anna")


class WriteBench(PublisherBench):
    """A writer of the posted results, which may write in the folder of a test."""

    def __init__(
        self, folder: Path, files: FileSettings, threads: FileThreads | None = None
    ) -> None:
        super().__init__(replace(reduction("1,1,4"), filter=FilterSettings("T", 0, 2, 2)))
        allowed = AllowedFolders.of([str(folder)])
        self.settings = IocSettings(IocOrder(files), self.database, allowed)
        self.asked: list[str] = []
        self.pictures: dict[tuple[int, str], ArrayReadings] = {}
        sources = SavingSources(self._units, lambda *asked: self.pictures.get(asked))
        self.writer = FileWriter(
            self.database, self.orders, self.publisher, self.settings, sources, threads
        )
        at_once(self.writer.start())

    async def _units(self, log: str) -> str:
        self.asked.append(log)
        return "K"

    def post(self) -> None:
        at_once(self.publisher.ranks(report(self.order)))

    def write(self, row: PvRow = WRITE) -> str:
        """What is said after a write; raises `Refused`."""
        asyncio.run(self.writer.put(row, True, ANNA))
        return str(self.get("File:Message_RBV"))


def test_each_write_makes_new_files_and_says_which(tmp_path: Path) -> None:
    bench = WriteBench(tmp_path, FileSettings(str(tmp_path), "si"))
    bench.post()
    assert bench.write() == "4 files are on disk"
    assert bench.get("File:FullName_RBV") == str(tmp_path / "si.nxs")
    words = "4 files are on disk; si was taken, so they are called si_2"
    assert bench.write() == words
    assert bench.get("File:FullName_RBV") == str(tmp_path / "si_2.nxs")
    assert len(names(tmp_path)) == 8
    saved = read_nexus(tmp_path / "si.nxs")
    assert (saved.slice_log_units, bench.asked) == ("K", ["T", "T"])


def test_the_last_number_is_written_and_nothing_after_it(tmp_path: Path) -> None:
    last = 2**31 - 1
    bench = WriteBench(tmp_path, FileSettings(str(tmp_path), "si", "%s_%d", last - 1))
    bench.post()
    for number in last - 1, last:
        assert bench.write() == "4 files are on disk"
        assert f"si_{number}.nxs" in names(tmp_path)
        assert bench.get("File:Number") == last
    written = names(tmp_path)
    words = rf"si_{last}.nxs is there already, .* another File:Name, or a lower File:Number"
    with pytest.raises(Refused, match=words):
        bench.write()
    assert names(tmp_path) == written


def test_files_have_the_pictures_that_are_posted(tmp_path: Path) -> None:
    bench = WriteBench(tmp_path, FileSettings(str(tmp_path), "si"))
    bench.post()
    bench.pictures[0, "image"] = ImageReadings(
        data=np.arange(6.0),
        x_edges=np.arange(4.0),
        y_edges=np.array([0.2, 0.1, 0.0]),
        x_label="column",
        y_label="y (m)",
        plugin=AreaDetectorReadings(size_x=3, size_y=2, unique_id=8),
    )
    bench.pictures[0, "map"] = MapReadings()  # nothing has been counted for it yet
    bench.write()
    (image,) = read_nexus(tmp_path / "si.nxs").pictures
    assert (image.kind, image.quantity, image.last_pulse) == ("image", "counts", 8)
    assert (image.x.label, image.y.label) == ("column", "y (m)")
    np.testing.assert_array_equal(image.values, [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(image.y.edges, [0.2, 0.1, 0.0])


def test_with_a_number_in_the_template_the_number_counts_up(tmp_path: Path) -> None:
    bench = WriteBench(tmp_path, FileSettings(str(tmp_path), "si", "%s_%4.4d", 41))
    bench.post()
    assert bench.write() == "4 files are on disk"
    assert bench.get("File:FullName_RBV") == str(tmp_path / "si_0041.nxs")
    assert bench.get("File:Number") == bench.get("File:Number_RBV") == 42
    bench.write()
    assert bench.settings.accepted.files.number == 43


def test_without_increments_a_second_write_is_refused_in_words(tmp_path: Path) -> None:
    bench = WriteBench(tmp_path, FileSettings(str(tmp_path), "si", auto_increment=False))
    bench.post()
    bench.write()
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(Refused, match=r"si\.nxs is there already, and no file is replaced"):
        bench.write()
    assert "put another File:Name" in bench.get("File:Message_RBV")
    assert bench.get("File:FullName_RBV") == str(tmp_path / "si.nxs")
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


class SlowThreads(FileThreads):
    """The disk answers too late; ``writing`` is what it then does, if that has not been done."""

    def __init__(self, *, writes: bool) -> None:
        super().__init__()
        self._writes = writes
        self.writing: list[Callable[[], Any]] = []

    async def run(self, path: str, work: Callable[[], Any]) -> Any:
        if self._writes:
            work()
        self.writing.append(work)
        raise TimeoutError(errno.ETIMEDOUT, "its disk did not answer", path)


def test_what_is_not_written_in_time_does_not_appear_later(tmp_path: Path) -> None:
    threads = SlowThreads(writes=False)
    bench = WriteBench(tmp_path, FileSettings(str(tmp_path), "si"), threads)
    bench.post()
    with pytest.raises(Refused, match=r"its disk did not answer$"):
        bench.write()
    assert bench.get("File:Message_RBV") == f"{tmp_path}: its disk did not answer"
    with pytest.raises(TimeoutError):
        threads.writing[0]()
    assert names(tmp_path) == []


def test_files_that_were_being_named_when_the_time_was_over_may_be_there(tmp_path: Path) -> None:
    bench = WriteBench(tmp_path, FileSettings(str(tmp_path), "si"), SlowThreads(writes=True))
    bench.post()
    with pytest.raises(Refused, match="the files may be there, or appear when it answers"):
        bench.write()
    assert "si.nxs" in names(tmp_path)


def test_a_relative_path_is_in_the_first_allowed_folder(tmp_path: Path) -> None:
    bench = WriteBench(tmp_path, FileSettings())
    bench.post()
    bench.write()
    assert bench.get("File:FullName_RBV") == str(tmp_path / "results" / "live.nxs")


@pytest.mark.parametrize("path", ["/etc", "..", "in/../..", "~root", "/", "{}-more"])
def test_a_folder_outside_is_refused_when_it_is_put_and_nothing_changes(
    tmp_path: Path, path: str
) -> None:
    bench = WriteBench(tmp_path, FileSettings())
    (row,) = [row for row in pv_rows("") if row.name == "File:Path"]
    with pytest.raises(Refused, match=r"it is outside .* --files, at the start, allows others"):
        at_once(bench.settings.put(row, path.format(tmp_path), ANNA))
    assert bench.settings.accepted.files.path == "results"


def test_a_link_that_leads_outside_is_not_followed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "out").symlink_to(outside)
    (inside / "later").symlink_to(outside / "made")
    for path in ("out", "out/deeper", "later", "x/../out"):
        bench = WriteBench(inside, FileSettings(path))
        bench.post()
        with pytest.raises(Refused, match=rf"{outside}.* is outside {inside}"):
            bench.write()
        assert f"is outside {inside}" in bench.get("File:Message_RBV")
    assert names(outside) == []


def test_a_name_that_is_a_link_is_a_name_that_is_taken(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside.nxs"
    inside.mkdir()
    (inside / "si.nxs").symlink_to(outside)
    bench = WriteBench(inside, FileSettings(str(inside), "si"))
    bench.post()
    bench.write()
    assert bench.get("File:FullName_RBV") == str(inside / "si_2.nxs")
    assert not outside.exists()


def test_without_a_result_nothing_is_written(tmp_path: Path) -> None:
    bench = WriteBench(tmp_path, FileSettings(str(tmp_path)))
    with pytest.raises(Refused, match="no result is posted yet"):
        bench.write()
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"template": "name"}, "Template: 'name' refused: it has one %s"),
        ({"name": "a/b"}, "Name: 'a/b' refused"),
        ({"name": "a_mantid"}, "Name: 'a_mantid' refused"),
    ],
)
def test_a_name_or_template_that_is_none_is_refused_when_it_is_put(
    settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(Refused, match=words):
        FileSettings(**settings)
