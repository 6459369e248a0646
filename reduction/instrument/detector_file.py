"""A file about detectors as an order carries it: read once by the IOC, for this instrument."""

from __future__ import annotations

import enum
import functools
import io
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from reduction.host.file_system.npz_arrays import open_npz
from reduction.instrument.geometry import DetectorsAmong, Instrument
from reduction.parameters.specs import Refused

KEPT_UNPACKED = 3
"""Files whose masks and groups are kept unpacked: each change of bins needs them."""

SAMPLE = 4096
"""Twice as many numbers of a column tell whether it is worthwhile to compress it."""

WORTHWHILE = 0.25
"""A column is compressed if so much of it, or less, would be left."""

MOST_UNPACKED_BYTES = 1 << 30
"""Most bytes of the columns of a file; those of a detector take 33."""


NO_COLUMNS = (
    *(zlib.error, zipfile.BadZipFile, OSError, EOFError, NotImplementedError),
    *(AttributeError, LookupError, TypeError, ValueError),
)
"""What unpacking raises for bytes that are no columns, whatever they are."""


class DetectorFileKind(enum.StrEnum):
    """What a file is for; the values are the names of the settings that name it."""

    CALIBRATION = "Calibration"
    MASK = "MaskFile"
    GROUPS = "GroupsFile"


@dataclass(frozen=True, eq=False)
class DetectorColumns:
    """What a file says of n detectors of an instrument, (n,) each; columns may be empty, (0,).

    ``detector_id`` int32 ascends. ``difc`` in µs/Å is NaN where that of the position stays;
    ``difa`` is in µs/Å², ``tzero`` in µs; ``masked`` is bool; ``group`` int32 is the place of the
    group, -1 for none.
    """

    detector_id: NDArray[np.int32]
    difc: NDArray[np.float64]
    difa: NDArray[np.float64]
    tzero: NDArray[np.float64]
    masked: NDArray[np.bool_]
    group: NDArray[np.int32]

    @classmethod
    def of(
        cls,
        detector_id: NDArray[np.int32],
        difc: NDArray[np.float64] | None = None,
        difa: NDArray[np.float64] | None = None,
        tzero: NDArray[np.float64] | None = None,
        masked: NDArray[np.bool_] | None = None,
        group: NDArray[np.int32] | None = None,
    ) -> Self:
        """The columns, empty for None. ``detector_id`` (n,) ascends."""
        nothing = np.empty(0)
        return cls(
            detector_id.astype(np.int32),
            nothing if difc is None else difc,
            nothing if difa is None or not difa.any() else difa,
            nothing if tzero is None or not tzero.any() else tzero,
            np.empty(0, np.bool_) if masked is None else masked,
            np.empty(0, np.int32) if group is None else group.astype(np.int32),
        )

    def packed(self) -> bytes:
        """All columns in bytes; a million detectors take some MB.

        Columns are compressed if that helps much: of random numbers it saves little, and takes
        seconds.
        """
        steps = np.diff(self.detector_id, prepend=np.int32(0))  # these compress, ids do not
        columns = vars(self) | {"detector_id": steps}
        compressed = {name for name, column in columns.items() if _compresses(column)}
        content = io.BytesIO()
        for names, how in (
            (compressed, zipfile.ZIP_DEFLATED),
            (columns.keys() - compressed, zipfile.ZIP_STORED),
        ):
            with zipfile.ZipFile(content, "a", how, compresslevel=1) as archive:
                for name in sorted(names):
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                        np.save(file, columns[name])
        return content.getvalue()

    @classmethod
    def unpacked(cls, content: bytes) -> Self:
        """The columns that `packed` has put into bytes; raises ValueError for other bytes."""
        try:
            with open_npz(io.BytesIO(content), MOST_UNPACKED_BYTES) as arrays:
                columns = {name: arrays[name] for name in cls.__dataclass_fields__}
        except NO_COLUMNS as error:
            raise ValueError(f"not the columns of a detector file: {error}") from None
        columns["detector_id"] = np.cumsum(columns["detector_id"], dtype=np.int32)
        return cls(**columns)

    def place(self, instrument: Instrument) -> DetectorsAmong:
        """The rows that are of detectors of an instrument, and the places of these."""
        return instrument.among(self.detector_id)


def _compresses(column: NDArray[Any]) -> bool:
    """Whether a piece of a column becomes much shorter by compression."""
    middle = column.size // 2
    piece = column[max(middle - SAMPLE, 0) : middle + SAMPLE].tobytes()
    return len(zlib.compress(piece, 1)) < WORTHWHILE * len(piece)


@dataclass(frozen=True)
class DetectorFile:
    """What the ranks need of a file: its ``kind``, the SHA-256 of the file, and packed columns."""

    kind: DetectorFileKind
    digest: str
    content: bytes

    @property
    def columns(self) -> DetectorColumns:
        """All columns, unpacked anew: for a million detectors it takes 0.1 s."""
        return DetectorColumns.unpacked(self.content)

    @property
    def selection(self) -> DetectorColumns:
        """What the file masks and groups, without constants; the columns are read-only.

        Those of the last few files are kept.
        """
        return _selection(self.content)


@functools.lru_cache(maxsize=KEPT_UNPACKED)
def _selection(content: bytes) -> DetectorColumns:
    columns = DetectorColumns.unpacked(content)
    selects = columns.masked.size or columns.group.size
    ids = columns.detector_id if selects else np.empty(0, np.int32)
    selection = DetectorColumns.of(ids, masked=columns.masked, group=columns.group)
    for each in vars(selection).values():
        each.setflags(write=False)
    return selection


def file_of(
    files: Iterable[DetectorFile], kind: DetectorFileKind, path: str, digest: str
) -> DetectorFile:
    """The file with this digest; raises `Refused` if it is not among ``files``."""
    for each in files:
        if (each.kind, each.digest) == (kind, digest):
            return each
    raise Refused(kind, path, "its content is not in the order")
