"""Whatever happens while files are written, what is on disk is whole."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reduction.files.nexus_reader import read_nexus
from reduction.files.nexus_writer import write_nexus
from reduction.files.save import save, save_together
from reduction.host.file_system import atomic_files
from reduction.parameters.file_names import FileNaming
from tests.support.results.saved_sample import names, sample

REPOSITORY = Path(__file__).parents[4]


def test_what_cannot_be_replaced_leaves_no_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "a.nxs").mkdir()
    with pytest.raises(IsADirectoryError, match=r"a\.nxs"):
        write_nexus(sample(), tmp_path / "a.nxs")
    assert names(tmp_path) == ["a.nxs"]


def test_what_killed_processes_have_left_of_ones_own_file_is_removed(tmp_path: Path) -> None:
    others = {".a.toml.part", ".a.toml.log.0123abcd.part", ".b.toml.0123abcd.part"}
    for name in {*others, ".a.toml.0123abcd.part", ".a.toml.4567cdef.part"}:
        (tmp_path / name).touch()
    atomic_files.replace_own(tmp_path / "a.toml", b"new")
    assert (tmp_path / "a.toml").read_bytes() == b"new"
    assert {each.name for each in tmp_path.iterdir()} == {"a.toml", *others}


def test_a_content_that_fails_to_be_made_leaves_all_files_as_they_were(tmp_path: Path) -> None:
    def failing() -> Iterator[tuple[Path, bytes]]:
        yield tmp_path / "a", b"new"
        raise ValueError("no more")

    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(ValueError, match="no more"):
        atomic_files.replace(failing())
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def child(code: str, *arguments: object) -> subprocess.Popen[str]:
    """A Python process that runs ``code`` with ``arguments``."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    # Not measured by coverage, whose own file would meet the limits that are tested.
    environment = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY, env=environment
    )


SAVE_ON_A_FULL_DISK = """
import resource, signal, sys, pathlib
from reduction.files import nexus_reader, save
result = nexus_reader.read_nexus(pathlib.Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), -1))
try:
    save.save(result, pathlib.Path(sys.argv[2]), "a")
except OSError as error:
    print(error)
"""


@pytest.mark.parametrize(("limit", "which"), [(500, "a_2.xye"), (25_000, "a_2.nxs")])
def test_a_full_disk_leaves_the_old_files_and_nothing_else(
    tmp_path: Path, limit: int, which: str
) -> None:
    new, folder = tmp_path / "new.nxs", tmp_path / "results"
    write_nexus(sample(slices=2, title="new", seed=4), new)
    old = {path: path.read_bytes() for path in save(sample(slices=2), folder, "a").paths}
    with child(SAVE_ON_A_FULL_DISK, new, folder, limit) as process:
        said, _ = process.communicate()
    assert said == f"[Errno 27] File too large: '{folder / which}'\n"
    assert {path: path.read_bytes() for path in folder.iterdir()} == old


SAVE_TWO_ON_A_FULL_DISK = """
import resource, signal, sys, pathlib
from reduction.files import nexus_reader, save
from reduction.parameters.file_names import FileNaming
results = {path.stem: nexus_reader.read_nexus(path) for path in map(pathlib.Path, sys.argv[3:])}
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), -1))
try:
    save.save_together(results, pathlib.Path(sys.argv[1]), FileNaming("a"))
except OSError as error:
    print(error)
"""


@pytest.mark.parametrize(("limit", "which"), [(10_000, "a_2_Red2.xye"), (60_000, "a_2_Red2.nxs")])
def test_a_disk_that_is_full_at_the_second_result_leaves_the_old_files_of_both(
    tmp_path: Path, limit: int, which: str
) -> None:
    folder = tmp_path / "results"
    old_results = {f"_Red{number}": sample(slices=2) for number in (1, 2)}
    saved = save_together(old_results, folder, FileNaming("a"))
    old = {path: path.read_bytes() for path in saved.paths}
    new = [tmp_path / f"{name}.nxs" for name in old_results]
    for path, bins in zip(new, (40, 2000), strict=True):
        write_nexus(sample(bins=bins, title="new", seed=4), path)
    with child(SAVE_TWO_ON_A_FULL_DISK, folder, limit, *new) as process:
        said, _ = process.communicate()
    assert said == f"[Errno 27] File too large: '{folder / which}'\n"
    assert {path: path.read_bytes() for path in folder.iterdir()} == old


def test_of_results_that_are_saved_together_the_nexus_files_come_first_in_the_list(
    tmp_path: Path,
) -> None:
    saved = save_together({"_b": sample(), "_a": sample()}, tmp_path, FileNaming("x"))
    assert [path.name for path in saved.paths] == ["x_b.nxs", "x_a.nxs", "x_b.xye", "x_a.xye"]


def test_new_files_never_take_the_place_of_others_and_leave_nothing(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("another's")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for there in ("b", "dangling"):
        with pytest.raises(FileExistsError, match=there):
            atomic_files.create([(tmp_path / "a", b"1"), (tmp_path / there, b"2")])
        assert names(tmp_path) == ["b", "dangling"]
    assert (tmp_path / "b").read_text() == "another's"
    assert atomic_files.create([(tmp_path / "a", b"1")]) == [tmp_path / "a"]
    assert (tmp_path / "a").read_bytes() == b"1"


def test_a_file_system_without_hard_links_keeps_what_is_there_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_link(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_link)
    (tmp_path / "b").write_text("another's")
    atomic_files.create([(tmp_path / "a", b"1")])
    with pytest.raises(FileExistsError, match="b"):
        atomic_files.create([(tmp_path / "c", b"1"), (tmp_path / "b", b"2")])
    assert names(tmp_path) == ["a", "b"]
    assert (tmp_path / "b").read_text() == "another's"


SAVE_AS_NOBODY = """
import os, sys, pathlib
from reduction.files import nexus_reader, save
result = nexus_reader.read_nexus(pathlib.Path(sys.argv[1]))
if os.geteuid() == 0:
    os.setuid(65534)
try:
    save.save(result, pathlib.Path(sys.argv[2]), "a")
except OSError as error:
    print(error)
"""


def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    write_nexus(sample(), tmp_path / "a.nxs")
    folder.mkdir(mode=0o500)
    with child(SAVE_AS_NOBODY, tmp_path / "a.nxs", folder) as process:
        said, _ = process.communicate()
    assert "Permission denied" in said
    assert str(folder) in said
    assert names(folder) == []


WRITE_FOREVER = """
import itertools, sys, pathlib
from reduction.host.file_system import atomic_files
from reduction.parameters.file_names import FileNaming
contents = [pathlib.Path(path).read_bytes() for path in sys.argv[2:]]
for content in itertools.cycle(contents):
    atomic_files.replace([(pathlib.Path(sys.argv[1]), content)])
    print("written", flush=True)
"""


def test_a_process_killed_while_writing_leaves_a_whole_file(tmp_path: Path) -> None:
    folder, moments = tmp_path / "results", random.Random(5)
    folder.mkdir()
    sources = [tmp_path / "0.nxs", tmp_path / "1.nxs"]
    noise = np.random.default_rng(1).random((8, 1, 40_000))
    for title, source in enumerate(sources):
        bounds = tuple((float(i), i + 1.0) for i in range(8))
        of_noise: dict[str, Any] = {"counts": noise, "variances": noise, "slice_bounds": bounds}
        write_nexus(sample(title=str(title), bins=40_000, **of_noise), source)
    whole = {source.read_bytes() for source in sources}
    for _ in range(6):
        with child(WRITE_FOREVER, folder / "a.nxs", *sources) as process:
            assert process.stdout is not None
            for _ in range(moments.randrange(1, 5)):
                process.stdout.readline()
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(moments.uniform(0, 0.03))
            process.kill()
        assert (folder / "a.nxs").read_bytes() in whole
        others = [name for name in names(folder) if name != "a.nxs"]
        assert all(name.startswith(".a.nxs.") and name.endswith(".part") for name in others)
    assert read_nexus(folder / "a.nxs").title in {"0", "1"}
