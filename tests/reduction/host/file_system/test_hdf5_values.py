"""Datasets of HDF5 are read within bounds, however small the file that claims them is."""

from __future__ import annotations

import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reduction.host.file_system.hdf5_values import Hdf5Bounds, Hdf5Limits, read_values

LIMITS = Hdf5Limits(1_000_000, 200)
NUMBERS = np.arange(1000, dtype=np.float64)
HONEST = "chunks that unpack to the size that they say"


def in_memory() -> Any:
    """A file that is never on a disk."""
    return h5py.File("any", "w", driver="core", backing_store=False)


@given(
    kind=st.sampled_from(["<f8", ">f4", "<f2", "i1", ">u2", "<i4", "<u8", "?"]),
    shape=st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple),
    sides=st.lists(st.integers(1, 9), min_size=3, max_size=3),
    how=st.sampled_from([{}, {"shuffle": True}, {"compression": 4}]),
    more=st.booleans(),
)
def test_values_are_as_they_were_written(
    kind: str, shape: tuple[int, ...], sides: list[int], how: dict[str, Any], more: bool
) -> None:
    chunks = tuple(min(side, n) for side, n in zip(sides, shape, strict=False))
    how = how | ({"shuffle": True} if more and how else {})
    values = np.random.default_rng(3).integers(0, 100, shape).astype(kind)
    with in_memory() as file:
        dataset = file.create_dataset("a", data=values, chunks=chunks, **how)
        found = read_values(dataset, LIMITS)
        np.testing.assert_array_equal(found, values)
        assert found.dtype == dataset.dtype


def test_values_that_were_never_written_are_the_fill_value() -> None:
    with in_memory() as file:
        dataset = file.create_dataset("a", (25,), "i4", chunks=(10,), compression=1, fillvalue=7)
        dataset[12:14] = 1, 2
        expected = np.full(25, 7)
        expected[12:14] = 1, 2
        np.testing.assert_array_equal(read_values(dataset, LIMITS), expected)


def test_a_single_value_and_one_without_chunks_are_read() -> None:
    with in_memory() as file:
        file["a"], file["b"] = 4.5, NUMBERS
        assert read_values(file["a"], LIMITS) == 4.5
        np.testing.assert_array_equal(read_values(file["b"], LIMITS), NUMBERS)


@contextmanager
def packed_as(content: bytes) -> Iterator[Any]:
    """A dataset of 1000 float64 with one chunk, whose packed content is this."""
    with in_memory() as file:
        dataset = file.create_dataset("a", (1000,), "f8", chunks=(1000,), compression=1)
        dataset.id.write_direct_chunk((0,), content)
        yield dataset


@pytest.mark.parametrize(
    "content",
    [
        zlib.compress(bytes(64 << 20)),
        zlib.compress(bytes(8001)),
        zlib.compress(bytes(7999)),
        zlib.compress(bytes(8000))[:-8],
        b"no zlib at all",
        bytes(100_000),
    ],
)
def test_a_chunk_that_unpacks_to_another_size_is_refused(content: bytes) -> None:
    tracemalloc.start()
    with packed_as(content) as dataset, pytest.raises(Hdf5Bounds, match=HONEST):
        read_values(dataset, LIMITS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 << 20


@pytest.mark.parametrize(
    "how", [{"compression": "lzf"}, {"fletcher32": True}, {"scaleoffset": 2}], ids=str
)
def test_other_compression_is_refused(how: dict[str, Any]) -> None:
    with in_memory() as file:
        dataset = file.create_dataset("a", data=NUMBERS, chunks=(1000,), **how)
        with pytest.raises(Hdf5Bounds, match="gzip, with or without shuffle, was expected"):
            read_values(dataset, LIMITS)


def test_gzip_twice_is_refused() -> None:
    with in_memory() as file:
        made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        made.set_chunk((10,))
        made.set_deflate(9)
        made.set_deflate(9)
        space = h5py.h5s.create_simple((10,))
        twice = h5py.h5d.create(file.id, b"a", h5py.h5t.NATIVE_DOUBLE, space, made)
        with pytest.raises(Hdf5Bounds, match="gzip, with or without"):
            read_values(h5py.Dataset(twice), LIMITS)


@pytest.mark.parametrize(
    ("shape", "chunks", "words"),
    [
        ((1_000_001,), None, "at most 1000000 values"),
        ((1_000_001,), (1000,), "at most 1000000 values"),
        ((1000,), (1,), "at most 200 chunks"),
        ((100,), (10_000_000,), "chunks of at most 2000000 values"),
        ((100, 100), (100, 50_000), "chunks of at most 2000000 values"),
    ],
)
def test_what_would_take_much_is_refused_before_it_is_read(
    shape: tuple[int, ...], chunks: tuple[int, ...] | None, words: str
) -> None:
    with in_memory() as file:
        grows = None if chunks is None else (None,) * len(shape)
        dataset = file.create_dataset("a", shape, "f8", chunks=chunks, maxshape=grows)
        with pytest.raises(Hdf5Bounds, match=words):
            read_values(dataset, LIMITS)


def test_numbers_of_an_unusual_type_are_refused_in_chunks() -> None:
    with in_memory() as file:
        odd = h5py.h5t.NATIVE_INT32.copy()
        odd.set_precision(17)
        made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        made.set_chunk((10,))
        found = h5py.h5d.create(file.id, b"a", odd, h5py.h5s.create_simple((10,)), made)
        with pytest.raises(Hdf5Bounds, match="numbers of a usual type"):
            read_values(h5py.Dataset(found), LIMITS)
