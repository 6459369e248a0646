"""Values in the form in which Channel Access carries them: big-endian arrays, Latin-1 text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class BigEndianBytes(bytes):
    """The elements of an array, float64 and big-endian, ready to be sent to every client.

    caproto copies an array for each client, but it sends bytes without a copy. ``len()`` is the
    number of elements, as of an array.
    """

    def __len__(self) -> int:
        return self.nbytes // 8

    @property
    def nbytes(self) -> int:
        """The length in bytes."""
        return super().__len__()


def big_endian(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """A copy of ``array`` (n,), float64 in any byte order, of dtype ``>f8``.

    The ``base`` of the copy is a `BigEndianBytes`, which is sent to clients. An empty array is
    returned as it is.
    """
    return np.frombuffer(BigEndianBytes(array.tobytes()), ">f8") if array.size else array


def latin1(text: str) -> str:
    """``text`` with characters that Channel Access cannot carry replaced: "…" by "...", others
    by "?".
    """
    return text.replace("…", "...").encode("latin-1", "replace").decode("latin-1")
