"""Values in the form in which Channel Access carries them: big-endian arrays, Latin-1 text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class BigEndianBytes(bytes):
    """The elements of an array, float64 and big-endian, ready to be sent to every client.

    caproto would copy an array for each client, but sends bytes without a copy. Like an array,
    they are as long as they have elements.
    """

    def __len__(self) -> int:
        return self.nbytes // 8

    @property
    def nbytes(self) -> int:
        """Their length in bytes."""
        return super().__len__()


def big_endian(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """A copy of ``array`` (n,), float64 in any byte order, of dtype ``>f8``.

    Its ``base`` is a `BigEndianBytes`, which is what clients are sent. An empty array is returned
    as it is.
    """
    return np.frombuffer(BigEndianBytes(array.tobytes()), ">f8") if array.size else array


def latin1(text: str) -> str:
    """``text`` with characters that Channel Access cannot carry replaced: "…" by "...", others
    by "?".
    """
    return text.replace("…", "...").encode("latin-1", "replace").decode("latin-1")
