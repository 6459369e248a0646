"""The logs of a NeXus file, and the charge of each pulse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import h5py
import numpy as np
from numpy.typing import NDArray

from reduction.messages.contents import PULSE_MARK
from reduction.recordings.nexus.groups import NexusGroups, dataset
from reduction.recordings.nexus.storage import check_stored
from reduction.recordings.nexus.units import NexusRefused, Stamp, charge_unit_uc, times_of

CHARGE = "proton_charge"
"""Name of the log of the charge of each pulse, in the file and in the stream."""

MOST_LOG_VALUES = 5_000_000
"""Most values of a log: 80 MB of memory."""

GENERIC = ("value_log", "value", "log", "time_log")
"""Names of groups that say nothing: the name of the log is that of the group around it."""

NUMBER_KINDS = "iufb"
"""The kinds of numpy types of which values of logs may be."""

SAME_PULSE_NS = 1_000_000
"""A charge this near to a pulse is the charge of that pulse."""


@dataclass(frozen=True)
class NexusLog:
    """A log: its ``values`` (n,) float64 at ``times_ns`` (n,) int64, ns since 1970, ascending."""

    name: str
    times_ns: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class NexusLogs:
    """The logs of a file, apart from the charge, and what is odd about them.

    ``charge`` has the charges of pulses in µC; None if the file has none. ``total_uc`` is the
    charge of all pulses together, in µC; None if it is not given.
    """

    logs: tuple[NexusLog, ...]
    charge: NexusLog | None
    total_uc: float | None
    remarks: tuple[str, ...]


def logs_of(groups: NexusGroups) -> NexusLogs:
    """The logs of an entry. Those that cannot be used are left out, and said."""
    remarks: list[str] = []
    found, charges, start = [], [], groups.run_start
    for group, name in zip(groups.logs, log_names(groups.logs), strict=True):
        try:
            if _path(group)[-1] == CHARGE:
                unit_uc = charge_unit_uc(group["value"])
                charges.append(_log(group, name, start, remarks, unit_uc))
            elif group["value"].dtype.kind in NUMBER_KINDS:  # others are words
                found.append(_log(group, name, start, remarks))
        except (NexusRefused, OSError, RuntimeError) as error:
            remarks.append(f"log {group.name} is left out: {error}")
    charge = max(charges, key=lambda each: each.times_ns.size, default=None)
    logs = tuple(each for each in found if each.times_ns.size)
    return NexusLogs(logs, charge, _total_uc(groups, remarks), tuple(remarks))


def log_names(groups: Sequence[h5py.Group]) -> list[str]:
    """The names of logs (groups,), each different: of the group, and of those around it if needed.

    A group with a name in `GENERIC` has that of the group around it.
    """
    paths = [_path(group) for group in groups]
    used = [1] * len(paths)
    while True:
        names = ["_".join(path[-parts:]) for path, parts in zip(paths, used, strict=True)]
        count = Counter(names)
        longer = [
            count[name] > 1 and parts < len(path)
            for name, path, parts in zip(names, paths, used, strict=True)
        ]
        if not any(longer):
            return [f"{each}_" if each == PULSE_MARK else each for each in names]
        used = [parts + more for parts, more in zip(used, longer, strict=True)]


def _path(group: h5py.Group) -> list[str]:
    """The names of the groups around a log and of itself, without a generic one at the end."""
    *around, name = str(group.name).strip("/").split("/")
    return around if name in GENERIC and around else [*around, name]


def _log(
    group: h5py.Group, name: str, run_start: Stamp | None, remarks: list[str], unit: float = 1.0
) -> NexusLog:
    """The log of a group, without values that are no number; ``remarks`` get what is odd."""
    time, value = group["time"], group["value"]
    if value.dtype.kind not in NUMBER_KINDS:
        raise NexusRefused("its values are no numbers")
    if value.size != time.size:
        raise NexusRefused(f"it has {value.size or 0} values for {time.size or 0} times")
    check_stored(time)
    check_stored(value)
    if value.size and value.size > MOST_LOG_VALUES:
        raise NexusRefused(f"it has {value.size} values; the most is {MOST_LOG_VALUES}")
    times = times_of(time, run_start)
    if times.from_run:
        remarks.append(f"log {group.name}: its times have no start; taken as that of the entry")
    values = np.asarray(value[()]).ravel().astype(np.float64) * unit
    good = np.isfinite(values) & (times.ns > 0)
    times_ns, values = times.ns[good], values[good]
    order = np.argsort(times_ns, kind="stable")
    return NexusLog(name, times_ns[order], values[order])


def _total_uc(groups: NexusGroups, remarks: list[str]) -> float | None:
    """The charge of all pulses in µC, as the entry says it."""
    data = dataset(groups.entry, CHARGE)
    if data is None or data.size != 1 or data.dtype.kind not in "iuf":
        return None
    try:
        return float(np.asarray(data[()]).ravel()[0]) * charge_unit_uc(data)
    except NexusRefused as refused:
        remarks.append(str(refused))
        return None


def nearest_pulses(pulse_ns: NDArray[np.int64], times_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """The index of the pulse at each time, (times,) int64; -1 if none is within `SAME_PULSE_NS`.

    ``pulse_ns`` (pulses,) int64 ascends.
    """
    if not pulse_ns.size:
        return np.full(times_ns.size, -1)
    after = np.searchsorted(pulse_ns, times_ns).clip(1, max(1, pulse_ns.size - 1))
    before = after - 1
    after = after.clip(max=pulse_ns.size - 1)
    nearer = times_ns - pulse_ns[before] <= pulse_ns[after] - times_ns
    found = np.where(nearer, before, after)
    near = np.abs(pulse_ns[found] - times_ns) <= SAME_PULSE_NS
    return np.where(near, found, -1)


def charges_of(
    pulse_ns: NDArray[np.int64], logs: NexusLogs, remarks: list[str]
) -> tuple[NDArray[np.int64], NDArray[np.float64] | None]:
    """The pulses (n,) int64 with those that the charges add, and the charge of each (n,) in µC.

    A pulse that has a charge and no events is a pulse too. Charges that are not those of pulses are
    not used: then the charge of all pulses is spread over them evenly, if the file gives it. None
    instead of charges if nothing is known.
    """
    charge = logs.charge
    if charge is not None and charge.times_ns.size:
        found = nearest_pulses(pulse_ns, charge.times_ns)
        if 2 * np.count_nonzero(found >= 0) >= found.size:
            alone = charge.times_ns[found < 0]
            every_ns = np.union1d(pulse_ns, alone)
            charges = np.zeros(every_ns.size)
            np.add.at(charges, nearest_pulses(every_ns, charge.times_ns), charge.values)
            return every_ns, charges
        remarks.append(f"{CHARGE}: its times are not those of pulses; it is spread over them")
    total_uc = logs.total_uc
    if total_uc is None or not pulse_ns.size:
        return pulse_ns, None
    return pulse_ns, np.full(pulse_ns.size, total_uc / pulse_ns.size)


def merged(logs: Sequence[NexusLog]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The times of all values in their order, (n,) int64, and to which log each belongs, (n,)."""
    if not logs:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    times = np.concatenate([each.times_ns for each in logs])
    owner = np.repeat(np.arange(len(logs)), [each.times_ns.size for each in logs])
    order = np.argsort(times, kind="stable")
    return times[order], owner[order]
