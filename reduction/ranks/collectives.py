"""All collective operations of the MPI ranks, in one place and entered by all ranks always.

Ranks meet in `Collectives.exchange`, which tests and sleeps instead of spinning, so that those who
wait leave the cores to those that work. What follows a meeting finds all ranks there and goes at
full speed, blocking: tested piece by piece a large sum would take a thousand times as long. Nothing
is pickled: what is exchanged are arrays and bytes. Rank 0 can call the others to a meeting earlier
than they would come by themselves; whether they hear it changes when they meet and nothing else.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from mpi4py import MPI

SummedT = TypeVar("SummedT", np.int64, np.float64)

TEST_SLEEPS_S = (0.0, 0.0001, 0.0002, 0.0005, 0.001)
"""Sleeps between tests of an operation; the last goes on until it is done."""

CALL = 1
"""Tag of the messages that call to a meeting."""


class Collectives:
    """The ranks of a communicator, as one."""

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

    def call(self, meeting: int) -> None:
        """Have the other ranks come to a meeting before its time; on rank 0, which goes there."""
        for rank in range(1, self.size):
            self._communicator.Send(np.array([meeting]), rank, CALL)

    def called(self, meeting: int) -> bool:
        """Whether rank 0 has called to a meeting; calls to former ones have missed us."""
        newest = np.zeros(1, np.int64)
        while self._communicator.Iprobe(0, CALL):
            self._communicator.Recv(newest, 0, CALL)
        return bool(newest[0] == meeting)

    def share(self, data: bytes) -> bytes:
        """Rank 0's ``data`` on every rank."""
        length = int(self.exchange(np.array([len(data)]))[0, 0])
        shared = (
            np.frombuffer(data, np.uint8).copy() if self.rank == 0 else np.empty(length, np.uint8)
        )
        self._communicator.Bcast(shared, root=0)
        return shared.tobytes()

    def gather(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The ``rows`` (n, k) of all ranks, each with its own n, below each other on every rank."""
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
        """The elementwise sum over ranks, on rank 0; the other ranks' return has no meaning.

        To be called right after an `exchange`.
        """
        summed = np.empty_like(array)
        self._communicator.Reduce(array, summed, root=0)
        return summed


def _ranks_on_this_host(communicator: MPI.Intracomm) -> int:
    from mpi4py import MPI

    with_me = communicator.Split_type(MPI.COMM_TYPE_SHARED)
    size = with_me.size
    with_me.Free()
    return size


def _wait(request: Any) -> None:
    for sleep_s in TEST_SLEEPS_S:
        if request.Test():
            return
        time.sleep(sleep_s)
    while not request.Test():
        time.sleep(TEST_SLEEPS_S[-1])
