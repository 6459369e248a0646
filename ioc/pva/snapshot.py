"""A result of a reduction as one structure, so that no client mixes two results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from caproto import Forbidden
from p4p import Value
from p4p.nt import NTTable

from ioc.ca.channel import PvChannel
from ioc.ca.database import Database
from ioc.model.addresses import reduction_at
from ioc.model.paths import ValuePath, value_at
from ioc.model.pvs import SNAPSHOT_NAME, Access, PvRow
from ioc.model.run_parameters import iso_start
from ioc.model.wire_type import wire_type
from ioc.pva.normative import alarm, time_stamp
from reduction.parameters.fields import specs_of
from reduction.parameters.readings import ReductionStatus, SpectrumReadings
from reduction.results.views import PostedReduction

PV_NAMES = {field: spec.pv for field, spec in specs_of(SpectrumReadings)}
TABLE_COLUMNS = tuple(PV_NAMES[field] for field in ("x", "y", "yc", "e"))
EDGES_FIELD = PV_NAMES["xe"]

SNAPSHOT = NTTable.buildType(
    [(name, "ad") for name in TABLE_COLUMNS],
    extra=[
        (EDGES_FIELD, "ad"),
        ("units", "s"),
        ("generation", "i"),
        ("pulse_first", "l"),
        ("pulse_last", "l"),
        ("run", ("S", "", [("name", "s"), ("title", "s"), ("start", "s"), ("running", "?")])),
        ("parameters", ("S", "epics:nt/NTNameValue:1.0", [("name", "as"), ("value", "as")])),
    ],
)


class Snapshot:
    """The posted result of a reduction, in one structure.

    It is an NTTable with the columns X, Y, YC and E, (bins,) float64, equal to the channels of
    these names. Columns of a table have one length, so further fields are outside of the table: the
    edges XE (bins + 1,), float64; ``units`` of the axis; ``generation``; the first and last pulse;
    ``run``, the run of the facility; and ``parameters``, the settings that the result obeys. These
    are two arrays of text, PV names and values, because names with a colon cannot be fields.

    The timestamp is the time of the last pulse. The alarm is that of ``channel``, the counts; a
    snapshot is posted when that channel changes. Every post has all fields, so a client need not
    keep earlier ones.
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

    def complete(self) -> Value:
        """The present result; empty columns before the first one."""
        value = Value(SNAPSHOT, {"labels": TABLE_COLUMNS})
        value["alarm"], value["timeStamp"] = alarm(self.channel), time_stamp(self.channel)
        posted = self._posted()
        if posted is None:
            return value
        spectrum, stream = posted.view.spectrum, posted.stream
        for field, name in PV_NAMES.items():
            if name in TABLE_COLUMNS:
                value[f"value.{name}"] = getattr(spectrum, field)
        value[EDGES_FIELD] = spectrum.xe
        value["units"] = posted.view.axis.units.symbol
        value["generation"] = posted.order.generation
        value["pulse_first"], value["pulse_last"] = stream.pulse_first, stream.pulse_last
        run = posted.run
        value["run"] = {
            "name": run.name,
            "title": run.title,
            "start": iso_start(run),
            "running": run.running,
        }
        value["parameters"] = self._parameters(posted)
        return value

    changes = complete

    async def put(self, _host: str, _user: str, _value: Value) -> None:
        """Raises Forbidden."""
        raise Forbidden(f"{self._name} is read only")

    def _parameters(self, posted: PostedReduction) -> dict[str, Any]:
        paths = [row.place.below(self._root) or () for row in self._settings]
        values = [value_at(posted.order, path) for path in paths]
        return {
            "name": [row.name for row in self._settings],
            "value": [
                str(wire_type(row.spec).served(value))
                for row, value in zip(self._settings, values, strict=True)
            ],
        }


def snapshots(database: Database, posted: Mapping[int, PostedReduction]) -> dict[str, Snapshot]:
    """The snapshots of all reductions, by name; ``posted`` is by index of the reduction."""
    made = {}
    for row in database.rows:
        reduction = row.group.reduction
        if row.group.of is ReductionStatus and row.field == "generation" and reduction is not None:
            name = row.name.removesuffix(row.spec.pv) + SNAPSHOT_NAME
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
