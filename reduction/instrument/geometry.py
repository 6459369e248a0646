"""The table of detectors: positions, and the quantities that follow from them."""

from __future__ import annotations

import io
import math
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from reduction.host.file_system import atomic_files
from reduction.host.file_system.npz_arrays import open_npz
from reduction.host.file_system.regular_files import open_regular_file
from reduction.instrument.positions import CodedPositions, coded_if_smaller, is_finite
from reduction.parameters.units import difc

REQUIRED_COLUMNS = ("detector_id", "position_m", "is_monitor", "l1_m")
OPTIONAL_COLUMNS = ("name", "bank", "bank_names")

LARGEST_TABLE_BYTES = 2 << 30
"""Most bytes of the columns of a table: twelve million detectors take 0.7 GB."""

DAMAGE = (
    *(EOFError, LookupError, MemoryError, NotImplementedError, OverflowError, SyntaxError),
    *(TypeError, ValueError, tokenize.TokenError, zipfile.BadZipFile, zlib.error),
)
"""What numpy raises for tables that are damaged, or none."""

COMPUTED_AT_ONCE = 1 << 16
"""What follows from positions is computed for so many detectors together."""

MOST_SHORT_BANKS = 1 << 14
"""Of fewer banks, places among their names are kept in two bytes."""


class Detectors(NamedTuple):
    """Some detectors of an instrument: columns as those of `Instrument`."""

    position_m: NDArray[np.float64]
    is_monitor: NDArray[np.bool_]

    @property
    def angle_rad(self) -> NDArray[np.float64]:
        """Angles from the beam in rad, (n,) float64."""
        x, y, z = self.position_m.T
        angle_rad: NDArray[np.float64] = np.arctan2(np.hypot(x, y), z)
        return angle_rad


class DetectorsAmong(NamedTuple):
    """The m detectors of an instrument that are among n ids, by ascending id.

    ``rows`` (m,) int64 are their places among the ids, ``detectors`` (m,) int64 those in the
    instrument.
    """

    rows: NDArray[np.int64]
    detectors: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Instrument:
    """The n detectors of an instrument. The sample is the origin, z is along the beam, y is up.

    ``detector_id`` (n,) int32, each id once; ``positions`` (n, 3) in m; ``is_monitor`` (n,)
    bool; ``l1_m`` is the distance from source to sample. ``bank`` (n,) is the place of a
    detector's bank in ``bank_names``, -1 if it has none; without ``bank`` no detector has one.
    Raises ValueError for columns of different lengths, and for values that no instrument has.

    ``positions`` may be a float64 array. They are kept as codes if these are smaller; then
    ``positions[places]`` gives those of some detectors, (m, 3) float64, and `position_m` takes time
    to make the array of all. ``bank`` is kept as int16 if that is enough.
    """

    name: str
    detector_id: NDArray[np.int32]
    positions: NDArray[np.float64] | CodedPositions
    is_monitor: NDArray[np.bool_]
    l1_m: float
    bank: NDArray[np.signedinteger[Any]] = field(default_factory=lambda: np.empty(0, np.int16))
    bank_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.bank.size:
            object.__setattr__(self, "bank", np.full(self.detector_id.size, -1, np.int16))
        for right, why in self._checks():
            if not right:
                raise ValueError(why)
        if isinstance(self.positions, np.ndarray):
            object.__setattr__(self, "positions", coded_if_smaller(self.positions))
        if len(self.bank_names) < MOST_SHORT_BANKS:
            object.__setattr__(self, "bank", self.bank.astype(np.int16))

    def _checks(self) -> Iterator[tuple[bool | np.bool_, str]]:
        """Conditions that must hold, and for each the fault of a table that does not meet it."""
        count = self.detector_id.size
        yield (
            self.detector_id.shape == (count,) and count > 0,
            "no detector, or ids that are not in one row",
        )
        each = "id, position_m, is_monitor or bank is not there once for every detector"
        positions = self.positions
        yield positions.shape == (count, 3), each
        yield self.is_monitor.shape == self.bank.shape == (count,), each
        yield not _has_twins(self.detector_id), "a detector id that occurs twice"
        yield is_finite(positions), "a position that is not finite"
        yield math.isfinite(self.l1_m) and self.l1_m > 0, f"L1 is {self.l1_m:g} m, not above 0"
        known = (self.bank >= -1) & (self.bank < len(self.bank_names))
        yield known.all(), "a bank that has no name"
        yield len(set(self.bank_names)) == len(self.bank_names), "two banks of the same name"

    @property
    def position_m(self) -> NDArray[np.float64]:
        """The positions of all detectors in m, (n, 3) float64."""
        return self.positions if isinstance(self.positions, np.ndarray) else self.positions[:]

    def among(self, ids: NDArray[np.integer[Any]]) -> DetectorsAmong:
        """The detectors that are among ``ids`` (n,), each of which is there once."""
        known, places = self.detector_id, None
        if not (known[1:] > known[:-1]).all():
            places = np.argsort(known)
            known = known[places]
        at = np.searchsorted(known, ids)
        at[at == known.size] = 0
        rows = np.flatnonzero(known[at] == ids)
        at = at[rows]
        if not (at[1:] > at[:-1]).all():
            order = np.argsort(at)
            rows, at = rows[order], at[order]
        return DetectorsAmong(rows, at if places is None else places[at])

    @property
    def l2_m(self) -> NDArray[np.float64]:
        """Distances from the sample in m, (n,) float64."""
        return self._computed(lambda here: np.linalg.norm(here.position_m, axis=1))

    @property
    def two_theta_rad(self) -> NDArray[np.float64]:
        """Scattering angles in rad, (n,) float64; NaN for monitors."""
        return self._computed(lambda here: np.where(here.is_monitor, np.nan, here.angle_rad))

    @property
    def difc_us_per_angstrom(self) -> NDArray[np.float64]:
        """DIFC in µs/Å, (n,) float64; NaN for monitors and for detectors in the beam."""

        def computed(here: Detectors) -> NDArray[np.float64]:
            angle_rad = np.where(here.is_monitor, np.nan, here.angle_rad)
            found = difc(self.l1_m, np.linalg.norm(here.position_m, axis=1), angle_rad)
            return np.where(found > 0, found, np.nan)

        return self._computed(computed)

    @property
    def path_m(self) -> NDArray[np.float64]:
        """Flight paths from the source in m, (n,) float64; to a monitor in a straight line."""

        def computed(here: Detectors) -> NDArray[np.float64]:
            from_source = here.position_m + np.array([0.0, 0.0, self.l1_m])
            straight = np.linalg.norm(from_source, axis=1)
            l2_m = np.linalg.norm(here.position_m, axis=1)
            path_m: NDArray[np.float64] = np.where(here.is_monitor, straight, self.l1_m + l2_m)
            return path_m

        return self._computed(computed)

    def _computed(self, compute: Callable[[Detectors], NDArray[np.float64]]) -> NDArray[np.float64]:
        """What follows from each detector alone, (n,) float64, computed for some at a time.

        So the memory that the steps take is not that of all detectors.
        """
        found = np.empty(self.detector_id.size)
        for begin in range(0, found.size, COMPUTED_AT_ONCE):
            here = slice(begin, begin + COMPUTED_AT_ONCE)
            found[here] = compute(Detectors(self.positions[here], self.is_monitor[here]))
        return found

    @classmethod
    def load(cls, path: Path) -> Self:
        """The instrument in an ``.npz`` file, as `save` writes it.

        The file must have `REQUIRED_COLUMNS`; other columns are optional. Raises ValueError that
        names the file and its fault.
        """
        try:
            with open_regular_file(path) as file, open_npz(file, LARGEST_TABLE_BYTES) as table:
                columns = {
                    name: table[name]
                    for name in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS)
                    if name in table
                }
            return cls._from_columns(columns, path.stem)
        except OSError as error:
            raise ValueError(f"{path} is no instrument table: {error.strerror}") from error
        except DAMAGE as error:
            raise ValueError(f"{path} is no instrument table: {error}") from error

    @classmethod
    def _from_columns(cls, columns: Mapping[str, NDArray[Any]], name: str) -> Self:
        for lacking in (each for each in REQUIRED_COLUMNS if each not in columns):
            raise ValueError(f"{lacking} is not in it")
        bank = columns.get("bank", np.empty(0, np.int32))
        return cls(
            str(columns.get("name", name)),
            _as_int32("detector_id", columns["detector_id"]),
            columns["position_m"].astype(np.float64),
            columns["is_monitor"].astype(np.bool_),
            float(columns["l1_m"]),
            _as_int32("bank", bank),
            tuple(str(each) for each in columns.get("bank_names", np.empty(0, str))),
        )

    def save(self, path: Path) -> None:
        """Write all columns to ``path``, and for other readers also L2, two-theta and DIFC.

        Raises OSError with path and reason; then the file has not changed.
        """
        content = io.BytesIO()
        np.savez_compressed(
            content,
            name=self.name,
            detector_id=self.detector_id,
            position_m=self.position_m,
            is_monitor=self.is_monitor,
            l1_m=self.l1_m,
            l2_m=self.l2_m,
            two_theta_rad=self.two_theta_rad,
            difc_us_per_angstrom=self.difc_us_per_angstrom,
            bank=self.bank,
            bank_names=np.array(self.bank_names, str),
        )
        atomic_files.replace([(path, content.getvalue())])


def _has_twins(ids: NDArray[np.int32]) -> bool:
    """Whether an id occurs twice; they mostly ascend, and then need not be sorted."""
    ascending = bool((ids[1:] > ids[:-1]).all())
    return not ascending and bool((np.diff(np.sort(ids)) == 0).any())


def _as_int32(column: str, values: NDArray[Any]) -> NDArray[np.int32]:
    """``values`` as int32; raises ValueError if one is not an integer of 32 bits."""
    integers = values.astype(np.int32)
    if not np.array_equal(integers, values):
        raise ValueError(f"{column} has values that are not whole numbers of 32 bits")
    return integers


def powder_arc() -> Instrument:
    """The simulated diffractometer: 1000 pixels, L1 20 m, L2 2 m, two-theta 3° to 160°.

    Pixel ids are 0 to 999; id 1000 is a monitor in the beam, 1 m before the sample. The banks
    ``forward``, ``perpendicular`` and ``backward`` have a third of the angles each.
    """
    two_theta = np.radians(np.linspace(3.0, 160.0, 1000))
    position = 2.0 * np.stack(
        [np.sin(two_theta), np.zeros_like(two_theta), np.cos(two_theta)], axis=1
    )
    return Instrument(
        "powder_arc",
        np.arange(1001, dtype=np.int32),
        np.append(position, [[0.0, 0.0, -1.0]], axis=0),
        np.arange(1001) == 1000,
        20.0,
        np.append(np.arange(1000) * 3 // 1000, -1).astype(np.int32),
        ("forward", "perpendicular", "backward"),
    )
