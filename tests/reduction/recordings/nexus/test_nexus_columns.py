"""Ranges of a dataset are those that h5py gives, whatever its layout, filters and type are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from reduction.recordings.nexus.columns import (
    UNREADABLE,
    ChunkCache,
    DeflatedColumn,
    NexusColumns,
    PlainColumn,
)

ROWS = 10_000
DEFLATED = {"compression": "gzip", "chunks": (1024,)}


def ranges_are_those_of_h5py(
    data: h5py.Dataset, kind: type[PlainColumn] | type[DeflatedColumn]
) -> None:
    column, random = NexusColumns().of(data), np.random.default_rng(1)
    assert type(column) is kind
    for low, high in [(0, ROWS), (0, 0), (1023, 1025), (ROWS - 1, ROWS), (1024, 2048)]:
        np.testing.assert_array_equal(column.read(low, high), data[low:high])
    for _ in range(30):
        low, high = sorted(random.integers(0, ROWS, 2))
        np.testing.assert_array_equal(column.read(low, high), data[low:high])


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<i4", ">u4", "<u8", "<i8", "<u2", "|u1"])
@pytest.mark.parametrize("shuffle", [False, True])
def test_deflated_numbers_of_any_type(tmp_path: Path, dtype: str, *, shuffle: bool) -> None:
    values = np.random.default_rng(0).integers(0, 200, ROWS).astype(dtype)
    with h5py.File(tmp_path / "file.h5", "w") as file:
        data = file.create_dataset("x", data=values, dtype=dtype, shuffle=shuffle, **DEFLATED)
        ranges_are_those_of_h5py(data, DeflatedColumn)


@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"chunks": (1,)},
        {"chunks": (100,), "compression": "gzip"},
        {"chunks": (4096,)},
        {"chunks": (4096,), "compression": "lzf"},
        {"chunks": (4096,), "compression": "gzip", "fletcher32": True},
        {"chunks": (4096,), "compression": "gzip", "scaleoffset": 0},
        {"chunks": (4096,), "shuffle": True},
    ],
)
def test_other_layouts_and_filters_are_left_to_hdf5(tmp_path: Path, layout: dict[str, Any]) -> None:
    values = np.random.default_rng(0).integers(0, 2**31, ROWS).astype(np.uint32)
    with h5py.File(tmp_path / "file.h5", "w") as file:
        ranges_are_those_of_h5py(file.create_dataset("x", data=values, **layout), PlainColumn)


def test_numbers_that_hdf5_converts_are_left_to_it(tmp_path: Path) -> None:
    kind = h5py.h5t.NATIVE_INT32.copy()
    kind.set_precision(20)
    with h5py.File(tmp_path / "file.h5", "w") as file:
        space, properties = (
            h5py.h5s.create_simple((ROWS,)),
            h5py.h5p.create(h5py.h5p.DATASET_CREATE),
        )
        properties.set_chunk((4096,))
        properties.set_deflate(1)
        data = h5py.Dataset(h5py.h5d.create(file.id, b"x", kind, space, properties))
        data[:] = np.arange(ROWS)
        ranges_are_those_of_h5py(data, PlainColumn)


def test_chunks_that_were_never_written_or_are_stored_without_filters(tmp_path: Path) -> None:
    values = np.arange(4096, dtype=np.int32)
    with h5py.File(tmp_path / "file.h5", "w") as file:
        data = file.create_dataset(
            "x", (ROWS,), np.int32, chunks=(4096,), compression="gzip", fillvalue=7
        )
        data.id.write_direct_chunk((4096,), values.tobytes(), filter_mask=1)
        ranges_are_those_of_h5py(data, DeflatedColumn)
        assert data[ROWS - 1] == 7


@pytest.mark.parametrize("stored", [b"no deflated bytes", b"x\x9c\x03\x00\x00\x00\x00\x01"])
def test_a_damaged_chunk_is_an_error_and_others_are_read(tmp_path: Path, stored: bytes) -> None:
    values = np.arange(ROWS, dtype=np.int32)
    with h5py.File(tmp_path / "file.h5", "w") as file:
        data = file.create_dataset("x", data=values, chunks=(4096,), compression="gzip")
        data.id.write_direct_chunk((4096,), stored)
        column = NexusColumns().of(data)
        np.testing.assert_array_equal(column.read(0, 4096), values[:4096])
        with pytest.raises(UNREADABLE):
            column.read(4095, 4097)


@pytest.mark.parametrize("cut", [1, 4, 5])
def test_a_chunk_that_is_cut_or_has_a_wrong_sum_is_an_error(tmp_path: Path, cut: int) -> None:
    values = np.arange(ROWS, dtype=np.int32)
    with h5py.File(tmp_path / "file.h5", "w") as file:
        data = file.create_dataset("x", data=values, chunks=(ROWS,), compression="gzip")
        _, stored = data.id.read_direct_chunk((0,))
        for wrong in (stored[:-cut], stored[:-cut] + bytes(cut)):
            data.id.write_direct_chunk((0,), wrong)
            with pytest.raises(UNREADABLE):
                NexusColumns().of(data).read(0, 10)


def test_of_each_column_the_last_chunk_is_kept_if_all_are_not_too_large() -> None:
    cache, chunk = ChunkCache(100), np.zeros(10, np.int32)
    cache.put(0, 7, chunk + 1)
    cache.put(0, 8, chunk)
    assert cache.size_bytes == 40
    assert cache.get(0, 7) is None
    assert cache.get(0, 8) is chunk
    cache.put(1, 0, chunk)
    cache.get(0, 8)
    cache.put(2, 0, chunk)
    assert cache.size_bytes == 80
    assert cache.get(1, 0) is None
    assert cache.get(0, 8) is cache.get(2, 0) is chunk
    cache.put(2, 1, np.zeros(101, np.int8))
    assert (cache.get(2, 0), cache.get(2, 1)) == (None, None)
    assert cache.size_bytes == 40
