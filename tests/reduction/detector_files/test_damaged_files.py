"""Whatever is in a file: it is read, or refused soon, with little memory and without quoting it."""

from __future__ import annotations

import os
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reduction.detector_files.content import (
    LARGEST_FILE_BYTES,
    LARGEST_LIST_BYTES,
    MOST_ELEMENTS,
    MOST_WORDS,
    BadDetectorFile,
    read_content,
)
from reduction.detector_files.read import read_calibration, read_groups, read_mask
from reduction.instrument.detector_file import DetectorFileKind
from reduction.instrument.geometry import powder_arc
from reduction.instrument.load_files import load_file
from reduction.parameters.specs import Refused
from tests.reduction.detector_files.test_calibration_formats import CAL, COLUMNS, hdf5, npz
from tests.reduction.detector_files.test_mask_and_group_formats import grouping, masking
from tests.support.cost import costs_at_most

ARC = powder_arc()
SECRET = "correct horse"
GOOD = {
    "a.cal": CAL.encode(),
    "b.h5": hdf5(COLUMNS),
    "c.npz": npz(detector_id=[4, 5], difc_us_per_angstrom=[1.0, 2.0]),
    "d.txt": b"0:15, 20-30\nforward\n",
    "e.xml": masking("<group><detids>0-7,120</detids><component>forward</component></group>"),
    "f.xml": grouping('<group name="a"><detids val="1-3"/></group>'),
}


def loaded(path: Path) -> list[str]:
    """How the file ends as a calibration, as a mask and as groups: refused in words, or empty."""
    ends = []
    for kind in DetectorFileKind:
        try:
            load_file(kind, str(path), ARC)
        except Refused as refused:
            assert refused.name == kind
            ends.append(refused.why)
        else:
            ends.append("")
    return ends


def read_by_all(content: bytes, name: str) -> None:
    """Every reader reads a file, or refuses it in few words."""
    for read in (
        lambda: read_calibration(content, Path(name)),
        lambda: read_mask(content, Path(name), ("forward",)),
        lambda: read_groups(content, Path(name), ("forward",)),
    ):
        try:
            read()
        except BadDetectorFile as refused:
            assert len(str(refused)) < 300


@pytest.mark.parametrize("name", GOOD)
def test_a_file_that_ends_early_is_read_as_far_or_refused(name: str, tmp_path: Path) -> None:
    content, path = GOOD[name], tmp_path / name
    for length in {0, 1, 7, *range(2, len(content), max(len(content) // 40, 1))}:
        path.write_bytes(content[:length])
        loaded(path)


@settings(max_examples=150)
@given(data=st.data())
def test_a_file_with_bytes_changed_is_read_or_refused(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(GOOD)))
    content = bytearray(GOOD[name])
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    read_by_all(bytes(content), name)


@settings(max_examples=150)
@given(content=st.binary(max_size=300), name=st.sampled_from(["a.cal", "b", "c.xml", "d.npz"]))
def test_any_bytes_are_read_or_refused(content: bytes, name: str) -> None:
    for start in (b"", b"\x89HDF\r\n\x1a\n", b"PK\3\4", b"<", b"1 2 3 4 5\n"):
        read_by_all(start + content, name)


@pytest.mark.parametrize(
    "content",
    [
        f"root:{SECRET}:0:0\n",
        f"<detector-masking><{SECRET.replace(' ', '')}/></detector-masking>",
        f"<?xml version='1.0'?>\n<{SECRET.replace(' ', '')}>",
        f"1 2\n3 {SECRET}\n",
        f"1\n{SECRET}",
        f"-----BEGIN OPENSSH PRIVATE KEY-----\n{SECRET}\n",
    ],
)
@pytest.mark.parametrize("name", ["shadow", "a.cal", "a.xml", "a.h5", "a.npz", "a.txt"])
def test_a_refusal_tells_nothing_of_the_content(content: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(content)
    for why in loaded(path):
        assert why
        for word in ("correct", "horse", "root", "OPENSSH"):
            assert word not in why


def huge_files(folder: Path) -> list[Path]:
    """Files that are long, or that would become long."""
    line = folder / "line.cal"
    line.write_bytes(b"1" * (40 << 20))
    words = folder / "words.txt"
    words.write_bytes(b"x, " * (10 << 20))
    zeros = folder / "zeros.cal"
    zeros.write_bytes(bytes(60 << 20))
    sparse = folder / "sparse.h5"
    with sparse.open("wb") as file:
        file.truncate(LARGEST_FILE_BYTES + 1)
    bomb = folder / "bomb.npz"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("detector_id.npy", bytes(300 << 20))
    laughs = folder / "laughs.xml"
    entities = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(12))
    laughs.write_text(
        f'<!DOCTYPE x [<!ENTITY a0 "ha">{entities}]><detector-masking>&a12;</detector-masking>'
    )
    deep = folder / "deep.xml"
    deep.write_text("<detector-masking>" + "<group>" * 1_000_000)
    ranges = folder / "ranges.txt"
    ranges.write_text("0:2147483647\n" * 100)
    many = folder / "many.xml"
    many.write_text("<detector-masking><group>" + "<detids>1</detids>" * (MOST_ELEMENTS + 1))
    tag = folder / "tag.xml"
    attributes = " ".join(f"a{n}=''" for n in range(900_000))
    tag.write_text(f"<detector-masking {attributes}/>")
    long = folder / "long.xml"
    long.write_bytes(b"<detector-masking><group><detids>" + b"1" * (LARGEST_LIST_BYTES - 60))
    groups = folder / "groups.xml"
    every = "".join(f'<group ID="{n + 1}"><detids val="{n}"/></group>' for n in range(20_000))
    groups.write_text(f"<detector-grouping>{every}<other/>")
    rows = folder / "rows.cal"
    rows.write_text("1 1 0 1 1\n" * (MOST_WORDS + 1))
    lines = folder / "lines.txt"
    lines.write_text("forward\n" * (MOST_WORDS + 1))
    short = [laughs, deep, ranges, groups]
    return [line, words, zeros, sparse, bomb, *short, many, tag, long, rows, lines]


def test_huge_files_cost_a_second_and_little_memory(tmp_path: Path) -> None:
    for path in huge_files(tmp_path):
        size = min(path.stat().st_size, LARGEST_FILE_BYTES)
        for kind in DetectorFileKind:
            tracemalloc.start()
            with costs_at_most(10):  # tracing takes some times longer
                try:
                    load_file(kind, str(path), ARC)
                except Refused as refused:
                    assert refused.why
                else:
                    assert path.name == "ranges.txt"
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert peak < 6 * size + (20 << 20), path.name


@pytest.mark.parametrize("name", ["folder", "pipe", "absent", "closed"])
def test_what_is_no_file_is_refused_and_not_waited_for(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "closed").write_text("1 2\n")
    (tmp_path / "closed").chmod(0)
    if name == "closed" and os.geteuid() == 0:
        pytest.skip("root may read every file")
    with pytest.raises(BadDetectorFile, match=r"no regular file|No such file|Is a dir|denied"):
        read_content(tmp_path / name)


def test_a_path_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(BadDetectorFile):
        read_content(Path("a\0b"))


def test_a_mask_of_all_ids_there_are_takes_no_memory_for_them(tmp_path: Path) -> None:
    path = tmp_path / "all.txt"
    path.write_text("-2147483648:2147483647")
    columns = load_file(DetectorFileKind.MASK, str(path), ARC).file.columns
    assert columns.masked.sum() == np.count_nonzero(~ARC.is_monitor)
