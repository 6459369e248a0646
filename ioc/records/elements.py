"""Which elements of a value a client gets: of a range, or as many as it asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ioc.records.channel_names import ElementRange

LEAST_ANNOUNCED = 2

MOST_ZEROS = 100_000
"""Most elements that are added to a value for a client that asks for more than there are."""


@dataclass(frozen=True)
class Announcement:
    """How many elements of a channel a client was told; ``elements`` is the range it asked for.

    ``outgrown`` is called once the channel has more: the client must ask for the channel again.
    """

    count: int
    elements: ElementRange | None
    outgrown: Callable[[], None]

    def covers(self, size: int) -> bool:
        """Whether an array (size,) has no more elements than were announced."""
        return announced(size, self.elements) <= self.count


def announced(size: int, elements: ElementRange | None) -> int:
    """How many elements of an array (size,) to announce: without a range at least two.

    Phoebus takes what has one element for a scalar, and fails once there is none.
    """
    return max(size, LEAST_ANNOUNCED) if elements is None else elements.count(size)


def selected(values: Any, elements: ElementRange | None, count: int) -> Any:
    """The first ``count`` values in a range, and zeros in place of those that are not there.

    ``values`` is an array (n,), bytes, or a list of bytes. A ``count`` of 0 means all there are. At
    most `MOST_ZEROS` zeros are added, whatever a client asks for: it may ask for four thousand
    million.
    """
    if elements is not None:
        values = elements.chosen(values)
    missing = min(count - len(values), MOST_ZEROS)
    if count == 0 or missing == 0:
        return values
    if missing < 0:
        return values[:count]
    if isinstance(values, bytes):
        return values + b"\0" * missing
    if isinstance(values, np.ndarray):
        return _with_zeros(values, missing)
    return [*values, *[b""] * missing]


def _with_zeros(values: NDArray[Any], missing: int) -> NDArray[Any]:
    return np.concatenate([values, np.zeros(missing, values.dtype)])
