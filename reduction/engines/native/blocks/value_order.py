"""An order of values: the tables that give values, and the parts that they are cut into."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reduction.engines.native.passes.order_kernels import ValueParts
from reduction.engines.native.passes.packing import Packing, ValueTables
from reduction.engines.protocol import Recipe

PARTS = 1024
"""Most parts that values are cut into. To put an event into one of more takes longer."""

PATTERNS = 1 << 13
"""At least so many patterns of leading bits are told from each other."""


@dataclass(frozen=True, eq=False)
class EventValues:
    """The values that a recipe gives to events, whatever their groups, slices and bins are."""

    recipe: Recipe
    tables: ValueTables


@dataclass(frozen=True, eq=False)
class ValueOrder:
    """What puts packed events into the order of their values."""

    packing: Packing
    values: EventValues
    parts: ValueParts

    @property
    def count(self) -> int:
        """Number of parts, that of the events without a value included."""
        return self.parts.scale.size


def value_parts(values: NDArray[np.float64]) -> ValueParts:
    """Parts with about as many of the ``values`` (n,) in each; those that are not > 0 are left out.

    ``values`` are a sample of those to come. A part has at least one pattern of leading bits, so
    where values are crowded parts have more of them.
    """
    valued = values[(values > 0) & np.isfinite(values)]
    if not valued.size:
        valued = np.ones(1)
    bits = np.ascontiguousarray(valued).view(np.int64)
    lowest, highest = int(bits.min()), int(bits.max())
    dropped = 52
    while dropped and (highest >> dropped) - (lowest >> dropped) < PATTERNS:
        dropped -= 1
    first = lowest >> dropped
    patterns = (highest >> dropped) - first + 1
    in_pattern = np.bincount((bits >> dropped) - first, minlength=patterns)
    before = np.cumsum(in_pattern) - in_pattern
    _, part = np.unique(before * PARTS // valued.size, return_inverse=True)
    count = int(part.max()) + 1
    starts = np.append(np.searchsorted(part, np.arange(count)), patterns)
    low = ((starts + first) << dropped).view(np.float64)
    scale = 1 / np.diff(low)
    return ValueParts(
        (part + 1).astype(np.uint16),
        first,
        dropped,
        np.append(0.0, low),
        np.append(0.0, scale),
    )
