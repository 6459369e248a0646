"""Units and times as NeXus files write them."""

from __future__ import annotations

import calendar
import re
from datetime import datetime
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

TIME_UNITS_NS = {
    1: ("ns", "nanosecond", "nsec"),
    1_000: ("us", "µs", "μs", "microsecond", "usec", "micros"),
    1_000_000: ("ms", "millisecond", "msec"),
    1_000_000_000: ("s", "second", "sec"),
}
"""Names of units of time, by their length in ns; an s may follow."""

CHARGE_UNITS_UC = {
    1e-6: ("pc", "picocoulomb"),
    1e-3: ("nc", "nanocoulomb"),
    1.0: ("uc", "µc", "μc", "microcoulomb"),
    1e3: ("mc", "millicoulomb"),
    1e6: ("c", "coulomb"),
    3600.0: (
        "uah",
        "µah",
        "μah",
        "uahour",
        "microamphour",
        "uamphour",
        "uampshour",
        "microamperehour",
    ),
    3.6e6: ("mah", "milliamphour"),
}
"""Names of units of charge, by their size in µC; an s may follow."""

STAMP = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d+))?\s*(?:(Z)|([+-])(\d\d):?(\d\d))?"
)


class NexusRefused(ValueError):
    """Something in a NeXus file that cannot be used; the text names it."""


class Stamp(NamedTuple):
    """A time, ns since 1970, and whether its time zone was given; if not, it is taken as UTC."""

    time_ns: int
    has_zone: bool


def text_of(value: Any) -> str:
    """The text of an attribute or a value; empty if it is none."""
    if isinstance(value, np.ndarray):
        value = value.flat[0] if value.size else ""
    if isinstance(value, bytes | np.bytes_):
        return value.decode("utf-8", "replace").strip()
    return value.strip() if isinstance(value, str) else ""


def attribute(data: h5py.Dataset, *names: str) -> str:
    """The text of the first of these attributes that a dataset has; empty if it has none."""
    try:
        return next(filter(None, (text_of(data.attrs.get(name, "")) for name in names)), "")
    except OSError:
        return ""


def stamp(text: str) -> Stamp:
    """The time that an ISO 8601 text says, to the ns; raises `NexusRefused`."""
    found = STAMP.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        day, clock, fraction, utc, sign, hours, minutes = found.groups()
        seconds = calendar.timegm(datetime.fromisoformat(f"{day}T{clock}").timetuple())
    except ValueError:
        raise NexusRefused(f"{text!r} is no time") from None
    if sign:
        offset_s = int(hours) * 3600 + int(minutes) * 60
        seconds -= offset_s if sign == "+" else -offset_s
    fraction_ns = int((fraction or "0")[:9].ljust(9, "0"))
    return Stamp(seconds * 1_000_000_000 + fraction_ns, bool(utc or sign))


def time_unit_ns(data: h5py.Dataset, otherwise: str) -> int:
    """The unit of a dataset of times, in ns; ``otherwise`` is its name where none is given.

    Raises `NexusRefused` for a unit that is not known.
    """
    unit = attribute(data, "units") or otherwise
    return int(_size(TIME_UNITS_NS, unit, f"{data.name}: units {unit!r} are no time"))


def charge_unit_uc(data: h5py.Dataset) -> float:
    """The unit of a dataset of charges, in µC; raises `NexusRefused` if it is not known."""
    unit = attribute(data, "units")
    return float(_size(CHARGE_UNITS_UC, unit, f"{data.name}: units {unit!r} are no charge"))


def _size(units: Any, unit: str, refusal: str) -> Any:
    word = re.sub(r"[\s.*·_-]", "", unit).lower()
    for size, names in units.items():
        if word in names or word.removesuffix("s") in names:
            return size
    raise NexusRefused(refusal)


def times_ns(data: h5py.Dataset) -> NDArray[np.int64]:
    """The times in a dataset (n,), int64, ns since 1970.

    They count from its attribute ``start`` or ``offset``, or else from 1970, in its units, which
    are seconds for numbers with a fraction and ns for others where they are not given. Numbers with
    a fraction are rounded to the ns. Raises `NexusRefused` for units or a start that are not known.
    """
    values = np.atleast_1d(np.asarray(data[()])).ravel()
    floats = values.dtype.kind == "f"
    unit_ns = time_unit_ns(data, "s" if floats else "ns")
    start = attribute(data, "start", "offset")
    try:
        start_ns = stamp(start).time_ns if start else 0
    except NexusRefused as refused:
        raise NexusRefused(f"{data.name}: its start {refused}") from None
    if floats:
        scaled = np.rint(values.astype(np.float64) * unit_ns)
        if scaled.size and not np.abs(scaled).max() < 2.0**62:  # also if any is not finite
            raise NexusRefused(f"{data.name}: it has times that are no numbers")
        return scaled.astype(np.int64) + start_ns
    if values.dtype.kind not in "iu":
        raise NexusRefused(f"{data.name}: it has times that are no numbers")
    if values.size and int(np.abs(values.astype(np.float64)).max()) * unit_ns >= 2**62:
        raise NexusRefused(f"{data.name}: it has times beyond all years")
    return values.astype(np.int64) * unit_ns + start_ns


def has_zone(data: h5py.Dataset) -> bool:
    """Whether the start of a dataset of times has a time zone, or is none."""
    start = attribute(data, "start", "offset")
    return not start or stamp(start).has_zone
