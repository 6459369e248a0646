"""The banks of detectors in a Mantid instrument definition.

The bank of a detector is the outermost component around it whose name begins with ``bank``. If no
name does, the bank is the rectangular detector that the detector is a pixel of. Without one, the
bank is the component directly below the instrument.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from reduction.definitions.parts.component_names import (
    NumberedNames,
    PlaceNames,
    plain_name,
    plain_names,
)
from reduction.definitions.places.frames import Places

NAMELESS = -1

BankNumbers = NDArray[np.int32]
"""The number of the bank of each detector or component; `NAMELESS` if it has none."""


class BankNames:
    """Gives the names of banks numbers, and orders those that have detectors as in the file."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {"": NAMELESS}
        self._seen: list[tuple[BankNumbers, NDArray[np.int64]]] = []

    def numbers(self, names: PlaceNames) -> BankNumbers:
        """The numbers of the names of some places, (n,)."""
        if isinstance(names, NumberedNames) and names.first is None:
            return np.full(names.count, self.number(plain_name(names.name)), np.int32)
        return np.array([self.number(each) for each in plain_names(names)], np.int32)

    def number(self, name: str) -> int:
        """The number of a name."""
        return self._numbers.setdefault(name, len(self._numbers) - 1)

    def see(self, bank: BankNumbers, component: NDArray[np.int64]) -> None:
        """Note the banks of detectors, (n,), and the places of their components in the file."""
        self._seen.append((bank, component))

    def in_order(self, bank: BankNumbers) -> tuple[BankNumbers, tuple[str, ...]]:
        """The names of banks that have detectors, and the places of ``bank`` (n,) among them."""
        names = list(self._numbers)[1:]
        never = np.iinfo(np.int64).max
        first = np.full(len(names) + 1, never)  # the last one is for NAMELESS, which is -1
        for seen, component in self._seen:
            np.minimum.at(first, seen, component)
        first[NAMELESS] = never
        order = np.argsort(first, kind="stable")[: (first < never).sum()]
        place = np.full(len(names) + 1, NAMELESS, np.int32)
        place[order] = np.arange(order.size)
        return place[bank], tuple(names[each] for each in order.tolist())


@dataclass(frozen=True, eq=False)
class BankScopes:
    """What names the bank of the detectors in n components.

    ``top`` (n,) is the component directly below the instrument, ``bank`` (n,) the outermost one
    whose name begins with ``bank``.
    """

    top: BankNumbers
    bank: BankNumbers

    @classmethod
    def of_instrument(cls) -> Self:
        """The scope of what is directly below the instrument."""
        return cls(np.array([NAMELESS], np.int32), np.array([NAMELESS], np.int32))

    @classmethod
    def joined(cls, several: Sequence[BankScopes]) -> Self:
        """The scopes of all of them."""
        return cls(
            np.concatenate([each.top for each in several]),
            np.concatenate([each.bank for each in several]),
        )

    def inside(self, parents: Places, names: PlaceNames, known: BankNames) -> BankScopes:
        """The scopes of the detectors in components with ``names``, at all of them in each parent.

        ``parents`` (m,) are the places of the components' parents in this scope, parent by parent.
        """
        top, bank = self.top[parents], self.bank[parents]
        is_bank = _begin_with_bank(names)
        if (top >= 0).all() and (not is_bank.any() or (bank >= 0).all()):
            return BankScopes(top, bank)
        repeats = len(parents) // len(names)
        here = np.tile(known.numbers(names), repeats)
        names_bank = np.tile(np.broadcast_to(is_bank, len(names)), repeats) & (bank < 0)
        return BankScopes(np.where(top < 0, here, top), np.where(names_bank, here, bank))

    def of_detectors(self, name: int) -> BankNumbers:
        """The banks (n,) of detectors in the components, which have no other name than this."""
        outer = np.where(self.bank >= 0, self.bank, self.top)
        return np.where(outer >= 0, outer, np.int32(name))


def _begin_with_bank(names: PlaceNames) -> NDArray[np.bool_]:
    """Whether each name begins with ``bank``, (n or 1,)."""
    some = (names[0],) if isinstance(names, NumberedNames) else names
    return np.array([each.lower().startswith("bank") for each in plain_names(some)])
