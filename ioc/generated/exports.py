"""Lists of process variables for other programs, written from the same rows as the database."""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping

from ioc.ca.conversion import labels, served
from ioc.generated.pv_table import kind, markdown
from ioc.model.paths import Part
from ioc.model.pvs import IOC_PROCESS, STREAM, Access, PvRow, pv_rows
from reduction.parameters.specs import (
    LONGEST_STRING,
    Array,
    Choice,
    Command,
    Guidance,
    Number,
    Switch,
    Text,
)

COLUMNS = (
    *("name", "description", "access", "type", "units", "limits", "precision", "default"),
    *("states", "details"),
)

SAMPLING_PERIOD_S = 1.0
"""What a person sees change; results come several times a second."""


def table(prefix: str, reductions: int = 1) -> str:
    """Every process variable as comma-separated values, numbered ones too; `COLUMNS` is first."""
    text = io.StringIO()
    lines = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    lines.writeheader()
    lines.writerows(map(_cells, pv_rows(prefix, reductions)))
    return text.getvalue()


def _cells(row: PvRow) -> dict[str, str]:
    spec, settable = row.spec, row.access in (Access.SETPOINT, Access.READBACK)
    states = ";".join(labels(spec)) if isinstance(spec, Choice | Switch) else ""
    return {
        "name": row.name,
        "description": spec.description,
        "access": row.access.name.lower(),
        "type": kind(spec),
        "units": getattr(spec, "units", ""),
        "limits": "" if states else spec.limits if settable else "",
        "precision": str(getattr(spec, "precision", "")),
        "default": str(served(spec, row.default)) if settable else "",
        "states": states,
        "details": spec.details,
    }


def archiver(prefix: str, reductions: int = 1) -> str:
    """What is worth archiving, as the Archiver Appliance takes it: POST it to ``bpl/archivePV``.

    Readbacks and readings that are scalars: states and settings at every change, readings that come
    with the results at most once a second. A scan of the archiver stores no value twice.
    """
    pvs = [
        {
            "pv": row.name,
            "samplingmethod": "MONITOR" if _rarely(row) else "SCAN",
            "samplingperiod": f"{SAMPLING_PERIOD_S}",
        }
        for row in pv_rows(prefix, reductions)
        if _archived(row)
    ]
    return json.dumps(pvs, indent=1) + "\n"


def _archived(row: PvRow) -> bool:
    if row.access.writable or row.group.rare:
        return False
    match row.spec:
        case Array() | Command():
            return False
        case Text(max_length=length):
            return row.access is Access.READBACK and length <= LONGEST_STRING
        case _:
            return True


def _rarely(row: PvRow) -> bool:
    """Whether it changes when somebody does something, and not with each result."""
    return row.access is Access.READBACK or not isinstance(row.spec, Number)


def alarm_server(prefix: str, reductions: int = 1) -> str:
    """The configuration of a Phoebus alarm server: what has `Guidance`, by part, as XML."""
    tree = ET.Element("config", name=re.sub(r"[^\w.-]+", "_", prefix.rstrip(":")))
    parts: dict[str, ET.Element] = {}
    for row, guidance in _guided(prefix, reductions):
        part = _part(row)
        if part not in parts:
            parts[part] = ET.SubElement(tree, "component", name=part)
        _alarm(parts[part], row, guidance)
    ET.indent(tree)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return head + ET.tostring(tree, encoding="unicode") + "\n"


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
    """The part of the program that a process variable is of."""
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
    "csv": table,
    "archiver": archiver,
    "alarm-server": alarm_server,
}
"""What writes a list, by the name that it has on the command line."""
