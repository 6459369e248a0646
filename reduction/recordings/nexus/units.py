"""Units and times as NeXus files write them."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

TIME_UNITS_NS = {
    1e-3: ("ps", "picosecond", "psec"),
    1.0: ("ns", "nanosecond", "nsec"),
    1e3: ("us", "µs", "μs", "microsecond", "usec", "micros"),
    1e6: ("ms", "millisecond", "msec"),
    1e9: ("s", "second", "sec"),
    60e9: ("min", "minute"),
    3600e9: ("h", "hr", "hour"),
    86_400e9: ("d", "day"),
}
"""Names of units of time, by their length in ns; an s may follow."""

CHARGE_UNITS_UC = {
    1e-6: ("pc", "picocoulomb"),
    1e-3: ("nc", "nanocoulomb"),
    1.0: ("uc", "µc", "μc", "microcoulomb"),
    1e3: ("mc", "millicoulomb"),
    1e6: ("c", "coulomb", "as"),
    3600.0: ("uah", "µah", "μah", "microah"),
    3.6e6: ("mah", "milliah"),
    3.6e9: ("ah",),
}
"""Names of units of charge, by their size in µC; an s may follow."""

AMPERE_HOUR = re.compile(r"a(?:mps?|mpere?s?)?h(?:(?:ou)?r)?(?=s?$)")
"""The ways to write this unit, which become ``ah``."""

NUMBER_AND_UNIT = re.compile(r"(?:10\^([+-]?\d+)|(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?))[\s*]*(\D.*)")
"""A unit with a number before it, such as ``100 ns`` or ``10^-6 s``."""

STAMP = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d(?:[.,](\d+))?)?\s*"
    r"(?:(Z|UTC|GMT)|([+-])(\d\d)(?::?(\d\d))?)?",
    re.IGNORECASE,
)

LATEST_WITHOUT_START_NS = 10 * 365 * 86_400 * 10**9
"""Times without a start that are all before this one count from the start of the run."""


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
    if isinstance(value, str):  # h5py makes surrogates of bytes that are no UTF-8
        value = value.encode("utf-8", "surrogateescape")
    if not isinstance(value, bytes | np.bytes_):
        return ""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = value.decode("latin-1")
    return text.strip("\0 \t\r\n")


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
        day, minute, second, fraction, utc, sign, hours, minutes = found.groups()
        clock = f"{minute}{(second or ':00')[:3]}"
        seconds = calendar.timegm(datetime.fromisoformat(f"{day}T{clock}").timetuple())
    except ValueError:
        raise NexusRefused(f"{text!r} is no time") from None
    if sign:
        offset_s = int(hours) * 3600 + int(minutes or 0) * 60
        seconds -= offset_s if sign == "+" else -offset_s
    fraction_ns = int((fraction or "0")[:9].ljust(9, "0"))
    return Stamp(seconds * 1_000_000_000 + fraction_ns, bool(utc or sign))


def time_unit_ns(data: h5py.Dataset, otherwise: str) -> float:
    """The unit of a dataset of times, in ns, times its attribute ``scaling_factor``.

    ``otherwise`` is the name of the unit where none is given. Raises `NexusRefused` for a unit or a
    factor that cannot be used.
    """
    unit = attribute(data, "units") or otherwise
    size = _size(TIME_UNITS_NS, unit, f"{data.name}: units {unit!r} are no time")
    return size * _scaling_factor(data)


def _scaling_factor(data: h5py.Dataset) -> float:
    """What the numbers of a dataset are to be multiplied by."""
    factor = np.asarray(data.attrs.get("scaling_factor", 1)).ravel()
    if factor.size != 1 or factor.dtype.kind not in "iuf" or not 0 < factor[0] < np.inf:
        raise NexusRefused(f"{data.name}: its scaling_factor is no number above 0")
    return float(factor[0])


def charge_unit_uc(data: h5py.Dataset) -> float:
    """The unit of a dataset of charges, in µC; raises `NexusRefused` if it is not known."""
    unit = attribute(data, "units")
    return _size(CHARGE_UNITS_UC, unit, f"{data.name}: units {unit!r} are no charge")


def _size(units: Mapping[float, Sequence[str]], unit: str, refusal: str) -> float:
    """The size of a unit, which may have a number before it."""
    number = 1.0
    if found := NUMBER_AND_UNIT.fullmatch(unit):
        power, decimal, unit = found.groups()
        number = float(decimal or f"1e{power}")
    word = re.sub(r"[\s.*·_-]", "", unit).lower()
    word = AMPERE_HOUR.sub("ah", word)
    for size, names in units.items():
        if word in names or word.removesuffix("s") in names:
            return number * size
    raise NexusRefused(refusal)


class NexusTimes(NamedTuple):
    """Times (n,) int64, ns since 1970, and from when they count.

    ``has_zone`` tells whether their start has a time zone, or is none. ``from_run`` tells whether
    they have no start, and so count from the start of the run.
    """

    ns: NDArray[np.int64]
    has_zone: bool = True
    from_run: bool = False


def times_of(data: h5py.Dataset, run_start: Stamp | None) -> NexusTimes:
    """The times in a dataset.

    They count from its attribute ``start`` or ``offset``, or else from 1970, in its units, which
    are seconds for numbers with a fraction and ns for others where they are not given. Numbers with
    a fraction are rounded to the ns. If they have no start, and 1970 cannot be it, they count from
    ``run_start``. Raises `NexusRefused` for units or a start that are not known.
    """
    since_start = _elapsed_ns(data)
    text = attribute(data, "start", "offset")
    try:
        start = stamp(text) if text else None
    except NexusRefused as refused:
        raise NexusRefused(f"{data.name}: its start {refused}") from None
    if start is not None:
        return NexusTimes(since_start + start.time_ns, start.has_zone)
    if run_start is None or since_start.max(initial=0) >= LATEST_WITHOUT_START_NS:
        return NexusTimes(since_start)
    return NexusTimes(since_start + run_start.time_ns, run_start.has_zone, from_run=True)


def _elapsed_ns(data: h5py.Dataset) -> NDArray[np.int64]:
    """The times in a dataset (n,), ns since its start."""
    values = np.atleast_1d(np.asarray(data[()])).ravel()
    if values.dtype.kind not in "iuf":
        raise NexusRefused(f"{data.name}: it has times that are no numbers")
    floats = values.dtype.kind == "f"
    unit_ns = time_unit_ns(data, "s" if floats else "ns")
    if floats or not unit_ns.is_integer():
        scaled = np.rint(values.astype(np.float64) * unit_ns)
        if scaled.size and not np.abs(scaled).max() < 2.0**62:  # also if any is not finite
            raise NexusRefused(f"{data.name}: it has times that are no numbers")
        return scaled.astype(np.int64)
    if values.size and float(np.abs(values.astype(np.float64)).max()) * unit_ns >= 2**62:
        raise NexusRefused(f"{data.name}: it has times beyond all years")
    return values.astype(np.int64) * int(unit_ns)
