"""Saved results as background and vanadium: read, checked, and rebinned."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from reduction.control.orders import RanksOrder
from reduction.control.reports import References, Values
from reduction.files.saved_parts import CountsAndVariances
from reduction.files.saved_result import SavedResult
from reduction.host.file_system.file_threads import FileThreads
from reduction.host.file_system.regular_files import read_regular_file
from reduction.instrument.selection import group_names
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.specs import Refused
from reduction.results.normalisation import (
    Measured,
    bins_within,
    lacking,
    reference,
    where_positive,
)

BACKGROUND, VANADIUM = "Background", "Vanadium"

LARGEST_REFERENCE_BYTES = 256 << 20
"""Size of the largest file of a background or a vanadium that is read."""


@dataclass(frozen=True, eq=False)
class SavedReference:
    """The saved result in the file that the setting ``pv`` names."""

    pv: str
    path: str
    result: SavedResult

    @classmethod
    def read(cls, pv: str, path: str) -> Self:
        """The result in the file at ``path``; raises `Refused` if there is none."""
        # Imported here because it imports h5py, and most ranks never read a file.
        from reduction.files.nexus_reader import read_nexus_content

        file = Path(path)
        try:
            # HDF5 has one lock for all files: a disk must not be waited for under it.
            content = read_regular_file(file, LARGEST_REFERENCE_BYTES)
            return cls(pv, path, read_nexus_content(content, file))
        except FileNotFoundError:
            raise Refused(pv, path, "there is no such file") from None
        except OSError as error:
            raise Refused(pv, path, error.strerror or str(error)) from None
        except (KeyError, TypeError, ValueError) as error:
            raise Refused(pv, path, str(error)) from None

    @property
    def words(self) -> str:
        """The file as messages name it."""
        return f"the {self.pv.lower()} {Path(self.path).name}"

    def values(self, settings: ReductionSettings) -> tuple[Values, ...]:
        """The spectra in the bins of ``settings``: the sum, then each group; raises `Refused`."""
        if refusal := self._refusal(settings):
            raise Refused(self.pv, self.path, f"{self.words} {refusal}")
        by = settings.corrections.normalisation
        made = tuple(reference(by, each, settings.edges) for each in self._spectra(settings))
        if self.pv == VANADIUM:
            made = tuple(map(where_positive, made))
            if not np.isfinite(made[0].values).any():
                why = f"{self.words} has no bin above 0 from {_ends(settings.edges)}"
                raise Refused(self.pv, self.path, why)
        return made

    def gaps(self, settings: ReductionSettings, made: tuple[Values, ...]) -> Iterator[str]:
        """Texts that say where ``made``, which `values` gave for ``settings``, has no values."""
        what, edges, saved = f"the {self.pv.lower()}", settings.edges, self.result.edges
        inside = bins_within(saved, edges)
        if not inside[0] and saved[0] > edges[0]:
            yield f"{what} begins at {saved[0]:g}"
        if not inside[-1] and saved[-1] < edges[-1]:
            yield f"{what} ends at {saved[-1]:g}"
        if holes := np.count_nonzero(inside & ~np.isfinite(made[0].values)):
            none = "is not above 0" if self.pv == VANADIUM else "has no value"
            yield f"{what} {none} in {holes} bins"
        if len(made) <= len(group_names(settings.detectors)):
            yield f"{what} has other groups, so groups have no values"

    def _refusal(self, settings: ReductionSettings) -> str:
        """Why the file cannot be used with ``settings``; follows `words`. Empty if it can."""
        if self.result.units is not settings.units:
            return f"is in {self.result.units}, not in {settings.units}"
        if not bins_within(self.result.edges, settings.edges).any():
            saved, bins = _ends(self.result.edges), _ends(settings.edges)
            return f"goes from {saved} and covers no bin from {bins}"
        why = lacking(self._measured(self.result.summed), settings.corrections.normalisation)
        return f"cannot be normalised: its {why}" if why else ""

    def _spectra(self, settings: ReductionSettings) -> Iterator[Measured]:
        summed, groups = self.result.summed, self.result.by_group
        yield self._measured(summed)
        if not settings.detectors.grouped:
            yield self._measured(summed)
        elif self.result.group_names == group_names(settings.detectors):
            for counts, variances in zip(groups.counts, groups.variances, strict=True):
                yield self._measured(CountsAndVariances(counts, variances))

    def _measured(self, spectrum: CountsAndVariances) -> Measured:
        result = self.result
        charge, monitor = result.proton_charge_uc, result.monitor_counts
        return Measured(result.edges, spectrum.counts, spectrum.variances, charge, monitor)


ReadReference = Callable[[str, str], SavedReference]
"""Reads the file at a path that a setting names: (setting, path); raises `Refused`."""


def references_in_time(threads: FileThreads) -> ReadReference:
    """Reads files in ``threads``; what is not read in time is `Refused`."""

    def read(pv: str, path: str) -> SavedReference:
        try:
            return threads.run_here(path, lambda: SavedReference.read(pv, path))
        except TimeoutError as silent:
            raise Refused(pv, path, silent.strerror or str(silent)) from None

    return read


@dataclass(frozen=True, eq=False)
class LoadedReferences:
    """The references of a reduction, with the settings and files that they were made from."""

    settings: ReductionSettings
    background: SavedReference | None
    vanadium: SavedReference | None
    references: References

    @classmethod
    def for_settings(
        cls,
        settings: ReductionSettings,
        former: LoadedReferences | None = None,
        read: ReadReference = SavedReference.read,
    ) -> LoadedReferences:
        """The references that ``settings`` name; files that ``former`` has are not read again.

        ``read`` reads the others; this raises what it raises.
        Raises `Refused`, which names the setting, if a file is not a saved result, has another
        unit, covers none of the bins, or lacks the charge or monitor counts to be normalised by;
        also if a vanadium is nowhere above 0.
        """
        if former is not None and _need_same(settings, former.settings):
            return former
        found: dict[str, SavedReference | None] = {BACKGROUND: None, VANADIUM: None}
        for pv, path in named_references(settings):
            before = former.of(pv) if former is not None else None
            found[pv] = before if before and before.path == path else read(pv, path)
        background, vanadium = found[BACKGROUND], found[VANADIUM]
        less = background.values(settings) if background else ()
        over = vanadium.values(settings) if vanadium else ()
        gaps = [
            *(background.gaps(settings, less) if background else ()),
            *(vanadium.gaps(settings, over) if vanadium else ()),
        ]
        return cls(settings, background, vanadium, References(less, over, "; ".join(gaps)))

    def of(self, pv: str) -> SavedReference | None:
        """The file of `BACKGROUND` or `VANADIUM`; None if there is none."""
        return self.background if pv == BACKGROUND else self.vanadium


def load_references(
    order: RanksOrder,
    former: Sequence[LoadedReferences],
    read: ReadReference = SavedReference.read,
) -> list[LoadedReferences]:
    """The references of each reduction of ``order``, given the ``former``; raises `Refused`."""
    pairs = itertools.zip_longest(order.reductions, former[: len(order.reductions)])
    return [LoadedReferences.for_settings(each.settings, before, read) for each, before in pairs]


def named_references(settings: ReductionSettings) -> Iterator[tuple[str, str]]:
    """The setting and the path of each file that ``settings`` name."""
    for pv, path in (
        (BACKGROUND, settings.corrections.background),
        (VANADIUM, settings.corrections.vanadium),
    ):
        if path:
            yield pv, path


def _need_same(one: ReductionSettings, other: ReductionSettings) -> bool:
    """Whether both settings need the same references."""
    return (one.corrections, one.units, one.bin_params, group_names(one.detectors)) == (
        other.corrections,
        other.units,
        other.bin_params,
        group_names(other.detectors),
    )


def _ends(edges: NDArray[np.float64]) -> str:
    return f"{edges[0]:g} to {edges[-1]:g}"
