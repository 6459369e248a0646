"""Ranges of the long datasets of a NeXus file, whose compressed chunks are inflated here.

HDF5 inflates by zlib, in one thread and under a lock. Here whole chunks are read as they are stored
and inflated by ISA-L, which takes a third of the time and leaves Python's lock to other threads.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import h5py
import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

LEAST_CHUNK_ROWS = 1024
"""Datasets with smaller chunks are left to HDF5: a call for each chunk would take longer."""

MOST_CACHED_BYTES = 1 << 27
"""Most memory of inflated chunks that are kept, over all datasets of a file."""

DEFLATED = [h5py.h5z.FILTER_DEFLATE], [h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE]
"""The filters of chunks that are inflated here."""

UNREADABLE = (OSError, RuntimeError)
"""What reading damaged data raises in h5py."""


class NexusColumn(Protocol):
    """A dataset of one dimension, of which ranges are read."""

    def read(self, low: int, high: int) -> NDArray[Any]:
        """The values (high - low,) from ``low`` on; raises OSError or RuntimeError for damage."""


class PlainColumn:
    """A dataset of any layout, as HDF5 reads it."""

    def __init__(self, data: h5py.Dataset) -> None:
        self._data = data

    def read(self, low: int, high: int) -> NDArray[Any]:
        """See `NexusColumn.read`."""
        found: NDArray[Any] = self._data[low:high]
        return found


class _InflatedChunk(NamedTuple):
    """The values of a chunk of a column, and its number there."""

    number: int
    values: NDArray[Any]


class ChunkCache:
    """The chunk of each column that was inflated last: the next range often begins in it.

    If all are too large together, those of columns that were read longest ago are forgotten.
    """

    def __init__(self, most_bytes: int = MOST_CACHED_BYTES) -> None:
        self._most_bytes, self.size_bytes = most_bytes, 0
        self._chunks = OrderedDict[int, _InflatedChunk]()

    def get(self, column: int, number: int) -> NDArray[Any] | None:
        """The values of a chunk of a column; None if it is not kept."""
        chunk = self._chunks.get(column)
        if chunk is None or chunk.number != number:
            return None
        self._chunks.move_to_end(column)
        return chunk.values

    def put(self, column: int, number: int, values: NDArray[Any]) -> None:
        """Keep a chunk instead of the one before it, unless it is larger than all may be."""
        before = self._chunks.pop(column, None)
        self.size_bytes -= 0 if before is None else before.values.nbytes
        if values.nbytes > self._most_bytes:
            return
        self._chunks[column] = _InflatedChunk(number, values)
        self.size_bytes += values.nbytes
        while self.size_bytes > self._most_bytes:
            _, oldest = self._chunks.popitem(last=False)
            self.size_bytes -= oldest.values.nbytes


@dataclass(frozen=True)
class _Pipeline:
    """How the chunks of a dataset are stored: deflated, after their bytes were shuffled or not."""

    is_shuffled: bool
    dtype: np.dtype[Any]
    rows: int

    @classmethod
    def of(cls, data: h5py.Dataset) -> _Pipeline | None:
        """The pipeline of a dataset; None if it is left to HDF5."""
        if not data.chunks or data.chunks[0] < LEAST_CHUNK_ROWS:
            return None
        if data.chunks[0] * data.dtype.itemsize > MOST_CACHED_BYTES:
            return None
        properties = data.id.get_create_plist()
        filters = [properties.get_filter(each)[0] for each in range(properties.get_nfilters())]
        if filters not in DEFLATED:
            return None
        if not data.id.get_type().equal(h5py.h5t.py_create(data.dtype, logical=True)):
            return None  # numbers of an unusual format, which HDF5 converts
        return cls(len(filters) == 2, data.dtype, data.chunks[0])

    def inflated(self, stored: bytes) -> NDArray[Any] | None:
        """The values (rows,) of a chunk from its bytes as they are stored; None if damaged."""
        size, inflater = self.rows * self.dtype.itemsize, isal_zlib.decompressobj()
        try:
            found = inflater.decompress(stored, size + 1)
        except isal_zlib.error:  # type: ignore[misc]  # its stubs say that it is no class
            return None
        if len(found) != size or not inflater.eof:
            return None
        return self._unshuffled(found) if self.is_shuffled else np.frombuffer(found, self.dtype)

    def _unshuffled(self, shuffled: bytes) -> NDArray[Any]:
        """The values (rows,) from all first bytes, then all second ones, and so on."""
        planes = np.frombuffer(shuffled, np.uint8).reshape(self.dtype.itemsize, self.rows)
        found = np.empty((self.rows, self.dtype.itemsize), np.uint8)
        for place, plane in enumerate(planes):  # a third of the time of a transposed copy
            found[:, place] = plane
        return found.view(self.dtype).ravel()


class DeflatedColumn:
    """A dataset whose chunks are deflated; what cannot be inflated here is left to HDF5."""

    def __init__(
        self, data: h5py.Dataset, pipeline: _Pipeline, number: int, cache: ChunkCache
    ) -> None:
        self._data, self._pipeline = data, pipeline
        self._number, self._cache = number, cache

    def read(self, low: int, high: int) -> NDArray[Any]:
        """See `NexusColumn.read`."""
        rows = self._pipeline.rows
        found = np.empty(high - low, self._pipeline.dtype)
        for number in range(low // rows, -(-high // rows)):
            begin = number * rows
            first, end = max(low, begin), min(high, begin + rows)
            found[first - low : end - low] = self._chunk(number)[first - begin : end - begin]
        return found

    def _chunk(self, number: int) -> NDArray[Any]:
        """The values of a chunk, as many as there are of it."""
        chunk = self._cache.get(self._number, number)
        if chunk is None:
            chunk = self._read_chunk(number)
            self._cache.put(self._number, number, chunk)
        return chunk

    def _read_chunk(self, number: int) -> NDArray[Any]:
        first = number * self._pipeline.rows
        try:
            skipped, stored = self._data.id.read_direct_chunk((first,))
        except UNREADABLE:  # also if it was never written
            skipped, stored = 1, b""
        found = self._pipeline.inflated(stored) if not skipped else None
        if found is None:
            plain: NDArray[Any] = self._data[first : first + self._pipeline.rows]
            return plain
        return found


class NexusColumns:
    """Makes the columns of a file, which share a cache."""

    def __init__(self) -> None:
        self._cache, self._count = ChunkCache(), 0

    def of(self, data: h5py.Dataset) -> NexusColumn:
        """The column of a dataset of one dimension."""
        pipeline = _Pipeline.of(data)
        if pipeline is None:
            return PlainColumn(data)
        self._count += 1
        return DeflatedColumn(data, pipeline, self._count, self._cache)
