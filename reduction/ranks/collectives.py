"""All communication of the MPI ranks: collective operations, and the calls to a tick.

All ranks have to call each collective operation, in the same order: `Collectives.exchange`,
`Collectives.share`, `Collectives.gather`, `Collectives.texts` and `Collectives.total`. But
`Collectives.call` and `Collectives.called` are point to point: rank 0 sends to each other rank.

Ranks wait for each other in `Collectives.exchange`. It tests and sleeps instead of spinning, so
that waiting ranks leave the cores to busy ranks. An operation directly after
`Collectives.exchange` finds all ranks there. So it blocks without sleeping: with tests and sleeps a
large sum would take a thousand times as long. Only arrays and bytes are exchanged, nothing is
pickled.

Rank 0 can call the others to a tick before it is due. Whether a rank notices the call changes only
when that rank enters the tick.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from mpi4py import MPI

SummedT = TypeVar("SummedT", np.int32, np.int64, np.float64)

TEST_SLEEPS_S = (0.0, 0.0001, 0.0002, 0.0005, 0.001)
"""Sleeps between tests of an operation; the last one is repeated until it is done."""

CALL = 1
"""Tag of the messages that call ranks to a tick."""


class Collectives:
    """The communication of the ranks of a communicator."""

    def __init__(self, communicator: MPI.Intracomm) -> None:
        self._communicator = communicator
        self.rank = communicator.rank
        self.size = communicator.size
        self.ranks_on_this_host = _ranks_on_this_host(communicator)
        """How many ranks run on this host, this one included."""

    def exchange(self, figures: NDArray[np.int64]) -> NDArray[np.int64]:
        """Every rank's ``figures`` (k,) on every rank, (ranks, k)."""
        everyone = np.empty((self.size, figures.size), np.int64)
        _wait(self._communicator.Iallgather(figures, everyone))
        return everyone

    def call(self, tick: int) -> None:
        """Call the other ranks to a tick before it is due; to be called on rank 0."""
        for rank in range(1, self.size):
            self._communicator.Send(np.array([tick]), rank, CALL)

    def called(self, tick: int) -> bool:
        """Whether rank 0 has called this rank to this tick; calls to earlier ticks are ignored."""
        newest, probe = np.zeros(1, np.int64), self._communicator.Iprobe
        while probe(0, CALL) or probe(0, CALL):  # Open MPI takes in what has come after it looks
            self._communicator.Recv(newest, 0, CALL)
        return bool(newest[0] == tick)

    def share(self, data: bytes) -> bytes:
        """Rank 0's ``data`` on every rank."""
        length = int(self.exchange(np.array([len(data)]))[0, 0])
        shared = (
            np.frombuffer(data, np.uint8).copy() if self.rank == 0 else np.empty(length, np.uint8)
        )
        self._communicator.Bcast(shared, root=0)
        return shared.tobytes()

    def gather(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The ``rows`` (n, k) of all ranks on every rank, below each other; n may differ."""
        heights = self.exchange(np.array([rows.shape[0]]))[:, 0]
        tallest = int(heights.max())
        padded = np.zeros((tallest, rows.shape[1]), np.int64)
        padded[: rows.shape[0]] = rows
        everyone = np.empty((self.size, *padded.shape), np.int64)
        self._communicator.Allgather(padded, everyone)
        return np.concatenate([part[:n] for part, n in zip(everyone, heights, strict=True)])

    def texts(self, text: str) -> list[str]:
        """Every rank's ``text``, on every rank."""
        data = np.frombuffer(text.encode(), np.uint8).astype(np.int64)[:, np.newaxis]
        lengths = self.exchange(np.array([data.size]))[:, 0]
        joined = self.gather(data)[:, 0].astype(np.uint8)
        return [part.tobytes().decode() for part in np.split(joined, np.cumsum(lengths)[:-1])]

    def total(self, array: NDArray[SummedT]) -> NDArray[SummedT]:
        """The elementwise sum over ranks; on other ranks than 0 the result has no meaning.

        Call it directly after `exchange`, when all ranks are there.
        """
        summed = np.empty_like(array)
        self._communicator.Reduce(array, summed, root=0)
        return summed


def _ranks_on_this_host(communicator: MPI.Intracomm) -> int:
    from mpi4py import MPI

    on_host = communicator.Split_type(MPI.COMM_TYPE_SHARED)
    size = on_host.size
    on_host.Free()
    return size


def _wait(request: Any) -> None:
    """Sleep until ``request`` is done."""
    for sleep_s in TEST_SLEEPS_S:
        if request.Test():
            return
        time.sleep(sleep_s)
    while not request.Test():
        time.sleep(TEST_SLEEPS_S[-1])
