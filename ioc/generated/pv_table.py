"""The table of process variables in the documentation."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from ioc.model.pvs import Access, PvRow, pv_rows
from ioc.model.wire_type import WireKind, wire_type
from ioc.options.commands import RunOptions
from reduction.parameters.limits import (
    LISTED_GROUPS,
    LISTED_SERIES,
    LISTED_SLICES,
    MOST_CELLS,
    MOST_GROUPS,
    MOST_SERIES,
    MOST_SLICES,
    PEAKS,
    REGIONS,
)
from reduction.parameters.specs import Spec, Stage

BEGIN, END = "<!-- pv-table -->", "<!-- /pv-table -->"
TABLE_HEAD = (
    "| process variable | type | unit | limits | default | re-runs | what |",
    "|---|---|---|---|---|---|---|",
)

NUMBERED_WORDS = f"""
Reductions are numbered: with `--reductions 2`, `Red2:` has all that `Red1:` has. So are the slices
of a log (`Slice1:` to `Slice{MOST_SLICES}:`), the detector groups (`Group1:` to
`Group{MOST_GROUPS}:`), the closed series (`Series1:` to `Series{MOST_SERIES}:`), the regions
(`ROI1:` to `ROI{REGIONS}:`) and the peaks (`Peak1:` to `Peak{PEAKS}:`). The table shows the first
of each. Lists for other programs and screens show the first {LISTED_SLICES} slices, {LISTED_GROUPS}
groups and {LISTED_SERIES} series; the others are found by their names, on Channel Access and on
pvAccess. Slices, groups, series and bins together make at most {MOST_CELLS:,} cells.

The spectrum of a slice is the sum over all groups, that of a group the sum over all slices; `Spec:`
and a series are sums over both. All have the axis `Spec:X`. Slices, groups and series beyond
`NumSlices_RBV`, `NumGroups_RBV` and `NumSeries_RBV` do not exist: their arrays are empty, their
total is 0, and they are in alarm (UDF, INVALID).

Arrays under `Slices:`, `Groups:` and `Series:` have one value for each slice, group or series. Plot
those of slices against `Slices:Middle_RBV`. Regions and peaks have such arrays too; the table shows
those of slices. The IOC computes them once a client has asked for them, and at their own pace: they
take about a quarter of a core. All arrays of a family belong to one result and carry its time. A
value is NaN where there is no number; after the settings change, or a reset, all are NaN until
there are new ones. `Rate_RBV` is the counts divided by the time measured: for a slice that of its
own pulses, for a series that of the series, for a group that of all slices.
"""


def markdown(prefix: str, _reductions: int = 1) -> str:
    """The table of all process variables under ``prefix``, in Markdown.

    A setpoint and its readback share a line. Only the first reduction, slice, region and so on is
    shown, so the table is the same for any number of reductions.
    """
    shown = [row for row in pv_rows(prefix) if row.access is not Access.READBACK and row.first]
    return "\n".join((*TABLE_HEAD, *map(_line, shown))) + "\n" + NUMBERED_WORDS


def inserted(readme_text: str, table: str) -> str:
    """``readme_text`` with ``table`` between its two marks; raises ValueError without marks."""
    before, begin, rest = readme_text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no {BEGIN} … {END} in the text")
    return f"{before}{BEGIN}\n{table}{END}{after}"


def _line(row: PvRow) -> str:
    wire, setpoint = wire_type(row.spec), row.access is Access.SETPOINT
    cells = (
        f"`{row.name}` `{row.name}_RBV`" if setpoint else f"`{row.name}`",
        wire.type_name,
        wire.units or "",
        row.spec.limits if row.access.writable else "",
        _default(row) if setpoint else "",
        _stage(row.spec) if setpoint else "",
        ". ".join(filter(None, (row.spec.description, row.spec.details))),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main(paths: Sequence[str]) -> None:
    """Write the table of the default prefix into the files, between their marks."""
    for path in map(Path, paths):
        text = path.read_text(encoding="utf-8")
        path.write_text(inserted(text, markdown(RunOptions.prefix)), encoding="utf-8")


def _stage(spec: Spec) -> str:
    """The first stage that retained events go through again when it changes; empty if none."""
    return "" if spec.stage is Stage.PUBLISH else f"{spec.stage.name.lower()} on"


def _default(row: PvRow) -> str:
    """The default as people read it."""
    wire = wire_type(row.spec)
    served = wire.served(row.default)
    if wire.is_text:
        return f"`{served}`"
    return f"{served:g}" if wire.kind is WireKind.DOUBLE else str(served)


if __name__ == "__main__":
    main(sys.argv[1:])
