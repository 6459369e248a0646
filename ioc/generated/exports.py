"""Lists of process variables for other programs: spreadsheets, archiver, alarm server."""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Self

from ioc.generated.pv_table import markdown
from ioc.model.addresses import IOC_PROCESS, STREAM
from ioc.model.paths import Part
from ioc.model.pvs import Access, PvRow, pv_rows
from ioc.model.wire_type import WireKind, wire_type
from reduction.parameters.specs import Guidance


@dataclass(frozen=True)
class SpreadsheetLine:
    """A line of the spreadsheet: one process variable."""

    name: str
    description: str
    access: str
    type: str
    units: str
    limits: str
    precision: str
    default: str
    states: str
    details: str

    @classmethod
    def of(cls, row: PvRow) -> Self:
        spec, wire = row.spec, wire_type(row.spec)
        settable = row.access in (Access.SETPOINT, Access.READBACK)
        return cls(
            name=row.name,
            description=spec.description,
            access=row.access.name.lower(),
            type=wire.type_name,
            units=wire.units or "",
            limits=spec.limits if settable and not wire.labels else "",
            precision="" if wire.precision is None else str(wire.precision),
            default=str(wire.served(row.default)) if settable else "",
            states=";".join(wire.labels),
            details=spec.details,
        )


SPREADSHEET_COLUMNS = tuple(field.name for field in fields(SpreadsheetLine))

SAMPLING_PERIOD_S = 1.0
"""Sampling period of readings that are posted with results, several times a second."""

NOT_ARCHIVED = (WireKind.DOUBLES, WireKind.CHARS, WireKind.COMMAND)


def spreadsheet(prefix: str, reductions: int = 1) -> str:
    """Every process variable as comma-separated values, below a line with the column names."""
    text = io.StringIO()
    lines = csv.DictWriter(text, SPREADSHEET_COLUMNS, lineterminator="\n")
    lines.writeheader()
    lines.writerows(asdict(SpreadsheetLine.of(row)) for row in pv_rows(prefix, reductions))
    return text.getvalue()


def archiver(prefix: str, reductions: int = 1) -> str:
    """The list for an Archiver Appliance, as JSON: POST it to ``bpl/archivePV``.

    The list has scalar readbacks and readings. States and settings are archived at every change;
    numbers that are posted with results are sampled once a second, and stored if they have changed.
    """
    pvs = [
        {
            "pv": row.name,
            "samplingmethod": "MONITOR" if _changes_rarely(row) else "SCAN",
            "samplingperiod": f"{SAMPLING_PERIOD_S}",
        }
        for row in pv_rows(prefix, reductions)
        if _is_archived(row)
    ]
    return json.dumps(pvs, indent=1) + "\n"


def _is_archived(row: PvRow) -> bool:
    kind = wire_type(row.spec).kind
    if row.access.writable or row.group.rare or kind in NOT_ARCHIVED:
        return False
    return row.access is Access.READBACK or kind is not WireKind.STRING


def _changes_rarely(row: PvRow) -> bool:
    """Whether the value changes with settings or states, and not with each result."""
    number = wire_type(row.spec).kind in (WireKind.DOUBLE, WireKind.LONG)
    return row.access is Access.READBACK or not number


def alarm_server(prefix: str, reductions: int = 1) -> str:
    """The configuration of a Phoebus alarm server, as XML.

    It has the process variables with `Guidance`, grouped by part of the program.
    """
    tree = ET.Element("config", name=_tree_name(prefix))
    parts: dict[str, ET.Element] = {}
    for row, guidance in _guided(prefix, reductions):
        part = _part(row)
        if part not in parts:
            parts[part] = ET.SubElement(tree, "component", name=part)
        _alarm(parts[part], row, guidance)
    ET.indent(tree)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return head + ET.tostring(tree, encoding="unicode") + "\n"


def _tree_name(prefix: str) -> str:
    """The name of an alarm tree for a prefix: letters, digits, ``_.-``, and no digit first."""
    name = re.sub(r"[^\w.-]+", "_", prefix.rstrip(":"))
    return name if re.match(r"[^\W\d]", name) else f"_{name}"


def _guided(prefix: str, reductions: int) -> Iterator[tuple[PvRow, Guidance]]:
    for row in pv_rows(prefix, reductions):
        if row.spec.guidance is not None and row.access is not Access.READBACK:
            yield row, row.spec.guidance


def _alarm(part: ET.Element, row: PvRow, guidance: Guidance) -> None:
    pv = ET.SubElement(part, "pv", name=row.name)
    for name, text in (
        ("description", row.spec.description),
        ("enabled", "true"),
        ("latching", str(guidance.latching).lower()),
        ("annunciating", str(guidance.latching).lower()),
        ("delay", str(guidance.delay_s)),
    ):
        ET.SubElement(pv, name).text = text
    what_to_do = ET.SubElement(pv, "guidance")
    ET.SubElement(what_to_do, "title").text = "What to do"
    ET.SubElement(what_to_do, "details").text = guidance.words


def _part(row: PvRow) -> str:
    """The name of the alarm server's component for a process variable."""
    group = row.group
    if group.reduction is not None:
        return f"Reduction{group.reduction + 1}"
    if group.place.part is Part.SIMULATOR:
        return "Simulator"
    if group.place.part is Part.RANKS:
        return "Stream" if group.place == STREAM else "BackEnd"
    return "IOC" if group.place == IOC_PROCESS else "Files"


FORMATS: Mapping[str, Callable[[str, int], str]] = {
    "md": markdown,
    "csv": spreadsheet,
    "archiver": archiver,
    "alarm-server": alarm_server,
}
"""The function that writes each list, by the name of the list on the command line."""
