"""The value of a process variable with alarm, time and metadata, as pvAccess brought it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SEVERITY_WORDS = ("NONE", "MINOR", "MAJOR", "INVALID", "UNDEFINED")
"""The severities of pvAccess as PVWS writes them."""

INVALID_SEVERITY = 3

VTYPES = {"d": "VDouble", "f": "VFloat", "i": "VInt", "l": "VLong", "s": "VString"}
"""The names that PVWS has for scalars, by the type code of pvAccess."""

APART = ("alarm", "timeStamp", "labels")
"""Fields of a structure that are not among its `WebValue.fields`."""

Scalar = float | int | str | bool | None


@dataclass(frozen=True)
class PvMetadata:
    """What describes the values of a process variable; None for what it does not have."""

    vtype: str
    units: str | None = None
    description: str | None = None
    precision: int | None = None
    low: float | None = None
    high: float | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class WebValue:
    """A value, with its alarm, time and metadata.

    - ``value``: a number or text; the index of an enum's state; None for arrays and structures
    - ``severity``: an index of `SEVERITY_WORDS`
    - ``seconds``, ``nanos``: its time, since 1970
    - ``arrays``: the arrays of numbers, each (n,) float64, by their dotted names; that of an array
      is ``value``
    - ``fields``: further fields of a structure, by their dotted names
    """

    metadata: PvMetadata
    severity: int
    seconds: int
    nanos: int
    value: Scalar = None
    arrays: Mapping[str, NDArray[np.float64]] | None = None
    fields: Mapping[str, Any] | None = None

    @property
    def time_ns(self) -> int:
        """The time in ns since 1970."""
        return self.seconds * 1_000_000_000 + self.nanos

    @property
    def number(self) -> float:
        """The value as a float; NaN if it is no number or cannot be trusted."""
        good = isinstance(self.value, int | float) and self.severity < INVALID_SEVERITY
        return float(self.value) if good and self.value is not None else np.nan


def pv_value(new: Any, former: WebValue | None) -> WebValue:
    """The value in ``new``, which is complete, as p4p received it.

    ``former`` is the value before: metadata and arrays that are equal are taken from it, so that
    they can be compared by identity.
    """
    severity = min(int(new["alarm.severity"]), len(SEVERITY_WORDS) - 1)
    stamp = new["timeStamp.secondsPastEpoch"], new["timeStamp.nanoseconds"]
    metadata = former.metadata if former else _metadata(new)
    if former and metadata.description is not None and new.changed("display"):
        metadata = _same_or_new(former.metadata, _metadata(new))
    kind = new.getID().partition(":1")[0].rpartition("/")[2]
    match kind:
        case "NTEnum":
            return WebValue(metadata, severity, *stamp, value=int(new["value.index"]))
        case "NTScalar":
            return WebValue(metadata, severity, *stamp, value=new["value"])
        case "NTScalarArray":
            arrays = {"value": _array(new["value"], former, "value")}
            return WebValue(metadata, severity, *stamp, arrays=arrays)
        case "NTNDArray":
            arrays = {"value": _array(_picture(new), former, "value")}
            return WebValue(metadata, severity, *stamp, arrays=arrays, fields=_picture_fields(new))
    arrays, fields = {}, {}
    columns = kind == "NTTable"
    for name, field in _flat(new, ""):
        name = name.removeprefix("value.") if columns else name  # as the labels name columns
        if isinstance(field, np.ndarray):
            arrays[name] = _array(field, former, name)
        else:
            fields[name] = field
    return WebValue(metadata, severity, *stamp, arrays=arrays, fields=fields)


def _picture(new: Any) -> NDArray[Any]:
    """The cells of an NTNDArray, (n,); none if it has no picture yet."""
    cells = new["value"]
    return np.empty(0) if cells is None else np.asarray(cells)


def _picture_fields(new: Any) -> dict[str, Any]:
    """How many columns and rows an NTNDArray has, its unique id, and its attributes by name."""
    sizes = [int(each["size"]) for each in new["dimension"]]
    columns, rows = sizes if len(sizes) == 2 else (0, 0)
    attributes = {each["name"]: each["value"] for each in new["attribute"]}
    scalars = {name: each for name, each in attributes.items() if isinstance(each, Scalar)}
    return scalars | {"columns": columns, "rows": rows, "unique_id": int(new["uniqueId"])}


def _same_or_new(former: PvMetadata, new: PvMetadata) -> PvMetadata:
    return former if former == new else new


def _metadata(new: Any) -> PvMetadata:
    if "NTEnum" in new.getID():
        labels = tuple(new["value.choices"])
        return PvMetadata("VEnum", description=_field(new, "display.description"), labels=labels)
    if not isinstance(code := new.type()["value"], str):
        return PvMetadata("VTable")
    vtype = VTYPES.get(code[-1], "VString") + ("Array" if code.startswith("a") else "")
    return PvMetadata(
        vtype,
        units=_field(new, "display.units"),
        description=_field(new, "display.description"),
        precision=_field(new, "display.precision"),
        low=_field(new, "display.limitLow"),
        high=_field(new, "display.limitHigh"),
    )


def _field(new: Any, name: str) -> Any:
    """A field; None if the structure does not have it."""
    try:
        return new[name]
    except KeyError:
        return None


def _array(values: NDArray[Any], former: WebValue | None, name: str) -> NDArray[np.float64]:
    """``values`` (n,) as float64; the same object as before if they are equal."""
    before = former.arrays.get(name) if former and former.arrays is not None else None
    if before is not None and np.array_equal(before, values, equal_nan=True):
        return before
    return np.asarray(values, np.float64)


def _flat(new: Any, before: str) -> Iterator[tuple[str, Any]]:
    """The dotted names and values of all scalars and arrays of a structure."""
    for name, field in new.items():
        if not before and name in APART:
            continue
        if hasattr(field, "getID"):
            yield from _flat(field, f"{before}{name}.")
        else:
            yield before + name, field
