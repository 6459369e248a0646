"""Pixel ids and times of flight as they are sent, from those of a NeXus file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

NO_PIXEL = -1
"""Pixel id of an event that cannot be used; so it is counted as invalid, and not lost."""

MOST_INT32 = 2**31 - 1

PIECE_EVENTS = 2**16
"""Events are converted in pieces of this number, which stay in the cache of a processor."""


@dataclass
class NexusFaults:
    """What is wrong with the events of a file.

    - ``large_ids``: events whose pixel ids do not fit 32 bits
    - ``large_tofs``: events whose times of flight do not fit 32 bits in ns, or are no numbers
    - ``negative_tofs``: events with a time of flight below 0
    - ``unreadable``: events that could not be read, by the name of their group
    """

    large_ids: int = 0
    large_tofs: int = 0
    negative_tofs: int = 0
    unreadable: dict[str, int] = field(default_factory=dict)

    def add(self, others: NexusFaults) -> None:
        """Count those of other events, too."""
        self.large_ids += others.large_ids
        self.large_tofs += others.large_tofs
        self.negative_tofs += others.negative_tofs
        for name, count in others.unreadable.items():
            self.unreadable[name] = self.unreadable.get(name, 0) + count

    @property
    def words(self) -> list[str]:
        """What is wrong, in words."""
        unreadable = self.unreadable.items()
        found = [f"{name}: {count} events cannot be read" for name, count in unreadable]
        if self.large_ids:
            found.append(f"{self.large_ids} events with pixel ids beyond 32 bits are invalid")
        if self.large_tofs:
            found.append(f"{self.large_tofs} events with times of flight beyond 2.1 s are invalid")
        if self.negative_tofs:
            found.append(f"{self.negative_tofs} events have times of flight below 0")
        return found


def take_ids(ids: NDArray[Any], pixel: NDArray[np.int32], faults: NexusFaults) -> None:
    """Put pixel ids (n,) of any whole numbers into ``pixel`` (n,)."""
    is_signed = ids.dtype.kind == "i"
    if ids.size and (int(ids.max()) > MOST_INT32 or (is_signed and int(ids.min()) < 0)):
        bad = (ids > MOST_INT32) | (ids < 0)
        faults.large_ids += int(np.count_nonzero(bad))
        ids = np.where(bad, 0, ids)
        pixel[:] = ids
        pixel[bad] = NO_PIXEL
    else:
        pixel[:] = ids


def take_tofs(
    tofs: NDArray[Any],
    unit_ns: float,
    tof: NDArray[np.int32],
    pixel: NDArray[np.int32],
    faults: NexusFaults,
) -> None:
    """Put times of flight (n,) of any numbers, in units of ``unit_ns``, into ``tof`` (n,) in ns."""
    scaled = tofs
    if tofs.dtype.kind == "f" or unit_ns != 1:
        scaled = np.multiply(tofs, unit_ns, dtype=np.float64)
        np.rint(scaled, out=scaled)
    if not scaled.size:
        return
    least, most = scaled.min(), scaled.max()
    if not (least >= -MOST_INT32 and most <= MOST_INT32):  # also if any is not finite
        bad = ~((scaled >= -MOST_INT32) & (scaled <= MOST_INT32))
        faults.large_tofs += int(np.count_nonzero(bad))
        scaled = np.where(bad, 0, scaled)
        pixel[bad] = NO_PIXEL
    if not least >= 0:
        faults.negative_tofs += int(np.count_nonzero(scaled < 0))
    tof[:] = scaled
