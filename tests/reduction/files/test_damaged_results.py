"""Whatever a file holds, it is a saved result or is refused by its name, soon."""

from __future__ import annotations

import random
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from reduction.files.nexus_parts import MOST_FIELD_VALUES
from reduction.files.nexus_reader import read_nexus
from reduction.files.nexus_writer import contents, write_nexus
from tests.support.cost import costs_at_most
from tests.support.results.saved_sample import corrected, sample


def refused_or_read(path: Path) -> bool:
    """Whether a file is refused; nothing but a ValueError that names it is raised."""
    try:
        read_nexus(path)
    except ValueError as error:
        assert str(path) in str(error)
        return True
    return False


@pytest.mark.parametrize("seed", range(8))
def test_bytes_that_are_changed_anywhere_are_refused_or_read(tmp_path: Path, seed: int) -> None:
    path, dice = tmp_path / "a.nxs", random.Random(seed)
    good = contents(corrected(), path)
    for _ in range(15):
        bad = bytearray(good)
        for _ in range(dice.choice((1, 5, 60))):
            bad[dice.randrange(min(len(bad), dice.choice((200, 4000, len(bad)))))] ^= (
                dice.randrange(1, 256)
            )
        path.write_bytes(bad)
        refused_or_read(path)


@pytest.mark.parametrize("content", [b"", b"\0" * 5000, b"<a>" * 9000, "Å".encode("utf-16") * 99])
def test_files_of_other_kinds_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.nxs").write_bytes(content)
    assert refused_or_read(tmp_path / "a.nxs")


def test_a_field_that_claims_to_be_huge_is_refused_without_its_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.nxs"
    write_nexus(sample(), path)
    with h5py.File(path, "r+") as file:
        del file["entry/spectra/counts"]
        shape = 1, 10**6, 10**6
        file["entry/spectra"].create_dataset("counts", shape, float, chunks=(1, 1, 1000))
    refused = f"10{'0' * 11} values; the limit is {MOST_FIELD_VALUES}"
    with costs_at_most(1), pytest.raises(ValueError, match=refused):
        read_nexus(path)


def test_a_group_in_place_of_a_field_and_links_to_nowhere_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.nxs"
    for link in (h5py.SoftLink("/entry/axes"), h5py.ExternalLink("no.nxs", "/a"), np.zeros(3)):
        write_nexus(sample(), path)
        with h5py.File(path, "r+") as file:
            del file["entry/title"]
            file["entry/title"] = link
        assert refused_or_read(path)


def test_a_field_that_unpacks_to_more_than_it_says_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.nxs"
    write_nexus(sample(), path)
    with h5py.File(path, "r+") as file:
        shape = file["entry/spectra/counts"].shape
        del file["entry/spectra/counts"]
        how = {"chunks": shape, "compression": 9}
        dataset = file["entry/spectra"].create_dataset("counts", shape, "f8", **how)
        dataset.id.write_direct_chunk((0,) * len(shape), zlib.compress(bytes(64 << 20)))
    with costs_at_most(1), pytest.raises(ValueError, match="counts: chunks that unpack to the"):
        read_nexus(path)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"dtype": "S100000000"}, "group_name may have more than 64 MiB of texts"),
        ({"dtype": "S9", "chunks": (9,), "compression": 1}, "texts of .*/group_name are compress"),
    ],
)
def test_texts_without_bounds_are_refused(tmp_path: Path, how: dict[str, Any], words: str) -> None:
    path = tmp_path / "a.nxs"
    write_nexus(sample(), path)
    with h5py.File(path, "r+") as file:
        del file["entry/axes/group_name"]
        file["entry/axes"].create_dataset("group_name", (9,), **how)
    with costs_at_most(1), pytest.raises(ValueError, match=words):
        read_nexus(path)
