"""A result of a reduction as one structure, so that no client mixes two."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from caproto import Forbidden
from p4p import Value
from p4p.nt import NTTable

from ioc.ca.channel import PvChannel
from ioc.ca.database import Database
from ioc.model.paths import ValuePath, value_at
from ioc.model.pvs import Access, PvRow, reduction_at
from ioc.model.wire_type import wire_type
from ioc.pva.normative import alarm, time_stamp
from reduction.parameters.fields import specs_of
from reduction.parameters.readings import ReductionStatus, SpectrumReadings
from reduction.results.views import PostedReduction

NAMES = {field: spec.pv for field, spec in specs_of(SpectrumReadings)}
COLUMNS = tuple(NAMES[field] for field in ("x", "y", "yc", "e"))
EDGES = NAMES["xe"]

SNAPSHOT = NTTable.buildType(
    [(name, "ad") for name in COLUMNS],
    extra=[
        (EDGES, "ad"),
        ("units", "s"),
        ("generation", "i"),
        ("pulse_first", "i"),
        ("pulse_last", "i"),
        ("parameters", ("S", "epics:nt/NTNameValue:1.0", [("name", "as"), ("value", "as")])),
    ],
)


SUFFIX = "Snapshot"


class Snapshot:
    """What is posted of a reduction, all of one result.

    An NTTable of the columns X, Y, YC and E, (bins,) float64, as the channels of these names have
    them. Beside them, because a table has only columns of one length: the edges XE (bins + 1,);
    ``units`` of the axis, ``generation``, and the first and last pulse. ``parameters`` are the
    settings that the result obeys, names of process variables and values as text, in two arrays:
    names with a colon cannot be fields. The timestamp is the time of the last pulse, and the
    alarm is that of ``channel``, the counts, with which a snapshot is posted. Every post is
    complete, so that a client need not remember what it got before.
    """

    def __init__(
        self,
        name: str,
        channel: PvChannel,
        posted: Callable[[], PostedReduction | None],
        root: ValuePath,
        settings: Sequence[PvRow],
    ) -> None:
        self.channel = channel
        self._name, self._posted, self._root, self._settings = name, posted, root, settings

    def whole(self) -> Value:
        """The present result; empty columns before there is one."""
        value = Value(SNAPSHOT, {"labels": COLUMNS})
        value["alarm"], value["timeStamp"] = alarm(self.channel), time_stamp(self.channel)
        posted = self._posted()
        if posted is None:
            return value
        spectrum, stream = posted.view.spectrum, posted.stream
        for field, name in NAMES.items():
            if name in COLUMNS:
                value[f"value.{name}"] = getattr(spectrum, field)
        value[EDGES] = spectrum.xe
        value["units"] = posted.view.axis.units.symbol
        value["generation"] = posted.order.generation
        value["pulse_first"], value["pulse_last"] = stream.pulse_first, stream.pulse_last
        value["parameters"] = self._parameters(posted)
        return value

    change = whole

    async def put(self, _host: str, _user: str, _value: Value) -> None:
        """Raises Forbidden."""
        raise Forbidden(f"{self._name} is read only")

    def _parameters(self, posted: PostedReduction) -> dict[str, Any]:
        places = [row.place.below(self._root) or () for row in self._settings]
        values = [value_at(posted.order, path) for path in places]
        return {
            "name": [row.name for row in self._settings],
            "value": [
                str(wire_type(row.spec).served(value))
                for row, value in zip(self._settings, values, strict=True)
            ],
        }


def snapshots(database: Database, posted: Mapping[int, PostedReduction]) -> dict[str, Snapshot]:
    """The snapshots of all reductions, by name; ``posted`` is by number."""
    made = {}
    for row in database.rows:
        reduction = row.group.reduction
        if row.group.of is ReductionStatus and row.field == "generation" and reduction is not None:
            name = row.name.removesuffix(row.spec.pv) + SUFFIX
            made[name] = _snapshot(name, reduction, database, posted)
    return made


def _snapshot(
    name: str, reduction: int, database: Database, posted: Mapping[int, PostedReduction]
) -> Snapshot:
    root = reduction_at(reduction)
    settings = [
        row
        for row in database.rows
        if row.access is Access.SETPOINT and row.place.below(root) is not None
    ]
    channel = database.channels_at(root / "spectrum")["yc"]
    return Snapshot(name, channel, lambda: posted.get(reduction), root, settings)
