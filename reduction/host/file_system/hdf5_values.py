"""The values of a dataset of HDF5 that is not trusted, read within bounds.

A few kilobytes can claim gigabytes: HDF5 itself unpacks a chunk to whatever length comes out, makes
room for a whole chunk to read one value of it, and keeps some kilobytes for each chunk.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

DEFLATE, SHUFFLE = h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE
PIPELINES = ((), (SHUFFLE,), (DEFLATE,), (SHUFFLE, DEFLATE))
"""The filters of chunks that are undone here, in the order in which they were applied."""

PADDED = 2
"""So many times the values that a dataset may have are the most that its chunks may have."""

WRONG_SIZE = "chunks that unpack to the size that they say were expected"


class Hdf5Bounds(ValueError):
    """A dataset is damaged, or would take too much; the text says what was expected of it."""


@dataclass(frozen=True)
class Hdf5Limits:
    """The most ``values`` of a dataset, and the most ``chunks``, each of which takes 10 µs."""

    values: int
    chunks: int


def read_values(dataset: Any, limits: Hdf5Limits) -> NDArray[Any]:
    """The values of a dataset of numbers, in its shape.

    Raises `Hdf5Bounds` beyond ``limits``, and if chunks would become larger than they say, or are
    compressed otherwise than by gzip.
    """
    if dataset.size > limits.values:
        raise Hdf5Bounds(f"at most {limits.values} values were expected")
    if dataset.chunks is None:
        values: NDArray[Any] = np.asarray(dataset[()])
        return values
    _check_chunks(dataset, limits)
    return _joined_chunks(dataset, _filters(dataset))


def _check_chunks(dataset: Any, limits: Hdf5Limits) -> None:
    """Raise `Hdf5Bounds` for chunks that are too many or too large, without reading one."""
    sides = zip(dataset.shape, dataset.chunks, strict=True)
    count = math.prod(-(-length // side) for length, side in sides)
    if count > limits.chunks:
        raise Hdf5Bounds(f"at most {limits.chunks} chunks were expected")
    if count * math.prod(dataset.chunks) > PADDED * limits.values:
        raise Hdf5Bounds(f"chunks of at most {PADDED * limits.values} values were expected")


def _filters(dataset: Any) -> tuple[int, ...]:
    """The filters of a dataset's chunks; raises `Hdf5Bounds` for those that are not undone here."""
    made = dataset.id.get_create_plist()
    filters = tuple(made.get_filter(each)[0] for each in range(made.get_nfilters()))
    if filters not in PIPELINES:
        raise Hdf5Bounds("gzip, with or without shuffle, was expected as compression")
    if not dataset.id.get_type().equal(h5py.h5t.py_create(dataset.dtype)):
        raise Hdf5Bounds("numbers of a usual type were expected")
    return filters


def _joined_chunks(dataset: Any, filters: tuple[int, ...]) -> NDArray[Any]:
    """The values of all chunks; those of chunks that the file lacks are the fill value."""
    sides, dtype = dataset.chunks, dataset.dtype
    values = np.full(dataset.shape, dataset.fillvalue, dtype)
    size = math.prod(sides) * dtype.itemsize
    for place in _stored_chunks(dataset, size):
        mask, content = dataset.id.read_direct_chunk(place)
        applied = [each for n, each in enumerate(filters) if not mask >> n & 1]
        chunk = np.frombuffer(_unpacked(content, applied, size), np.uint8)
        if SHUFFLE in applied:
            chunk = chunk.reshape(dtype.itemsize, -1).T.ravel()
        here = values[tuple([slice(at, at + n) for at, n in zip(place, sides, strict=True)])]
        whole = chunk.view(dtype).reshape(sides)
        here[...] = whole[tuple([slice(n) for n in here.shape])]
    return values


def _stored_chunks(dataset: Any, size: int) -> Sequence[tuple[int, ...]]:
    """The places of the chunks that a dataset has; raises `Hdf5Bounds` for one that is too long."""
    places = list[tuple[int, ...]]()

    def note(chunk: Any) -> None:
        if chunk.size > size + size // 100 + 1000:  # gzip adds less to what it cannot compress
            raise Hdf5Bounds(WRONG_SIZE)
        places.append(chunk.chunk_offset)

    dataset.id.chunk_iter(note)
    return places


def _unpacked(content: bytes, applied: Sequence[int], size: int) -> bytes:
    """What a chunk of ``size`` bytes was before compression; raises `Hdf5Bounds` if it is not."""
    try:
        if DEFLATE in applied:
            content = zlib.decompressobj().decompress(content, size + 1)
    except zlib.error:
        content = b""
    if len(content) != size:
        raise Hdf5Bounds(WRONG_SIZE)
    return content
