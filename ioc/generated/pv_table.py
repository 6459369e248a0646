"""The table of process variables for the docs, written from the same rows as the database."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from ioc.ca.conversion import labels
from ioc.model.pvs import Access, PvRow, pv_rows
from ioc.options.commands import RunOptions
from reduction.parameters.reduction import MOST_GROUPS, MOST_SLICES
from reduction.parameters.series import MOST_SERIES
from reduction.parameters.specs import (
    LONGEST_STRING,
    Array,
    Choice,
    Command,
    Float,
    Integer,
    Spec,
    Stage,
    Switch,
    Text,
)
from reduction.parameters.windows import PEAKS, REGIONS

BEGIN, END = "<!-- pv-table -->", "<!-- /pv-table -->"
HEAD = (
    "| process variable | type | unit | limits | default | re-runs | what |",
    "|---|---|---|---|---|---|---|",
)


NUMBERED = f"""
Reductions are numbered: with `--reductions 2`, `Red2:` has all that `Red1:` has. So are the slices
of a log (`Slice1:` to `Slice{MOST_SLICES}:`), the detector groups (`Group1:` to
`Group{MOST_GROUPS}:`) and the closed series (`Series1:` to `Series{MOST_SERIES}:`); the table shows
the first of each. A slice is summed over all groups, a group over all slices, `Spec:` and a series
over both, and all have the axis `Spec:X`. Those beyond `NumSlices_RBV`, `NumGroups_RBV` and
`NumSeries_RBV` are not there: empty arrays, total 0 and alarm UDF, INVALID.
There are {REGIONS} regions, `ROI1:` ff., and {PEAKS} peaks, `Peak1:` ff.

Arrays under `Slices:`, `Groups:` and `Series:` have one value for each slice, group or series, to
plot against `Slices:Middle_RBV`; of regions and peaks the table shows those of slices. They are
made for who asks, and follow at their own pace, about a quarter of a core: all of a family are of
one result, whose time they carry. They are NaN where there is no number, and from a change of the
settings or a reset on until there are new ones. `Rate_RBV` is per second of all the time measured,
in a slice too; of a series per second of its own.
"""


def markdown(prefix: str, _reductions: int = 1) -> str:
    """All process variables under ``prefix``; setpoint and readback share a line.

    Of those that are numbered the first stands for all, so it is the same for more reductions.
    """
    shown = [row for row in pv_rows(prefix) if row.access is not Access.READBACK and row.first]
    return "\n".join((*HEAD, *map(_line, shown))) + "\n" + NUMBERED


def inserted(readme_text: str, table: str) -> str:
    """``readme_text`` with ``table`` between its two marks; raises ValueError if it has none."""
    before, begin, rest = readme_text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no {BEGIN} … {END} in the text")
    return f"{before}{BEGIN}\n{table}{END}{after}"


def _line(row: PvRow) -> str:
    names = f"`{row.name}`"
    if row.access is Access.SETPOINT:
        names += f" `{row.name}_RBV`"
    writable = row.access.writable
    cells = (
        names,
        kind(row.spec),
        getattr(row.spec, "units", ""),
        row.spec.limits if writable else "",
        _default(row) if row.access is Access.SETPOINT else "",
        _stage(row.spec) if row.access is Access.SETPOINT else "",
        ". ".join(filter(None, (row.spec.description, row.spec.details))),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def kind(spec: Spec) -> str:
    """The type of a channel, as Channel Access has it."""
    match spec:
        case Float():
            return "double"
        case Integer():
            return "long"
        case Choice() | Command() | Switch():
            return "enum"
        case Text():
            short = spec.max_length <= LONGEST_STRING
            return "string" if short else f"char[{spec.max_length}]"
        case Array():
            return "double[]"
    raise TypeError(f"no type for {type(spec).__name__} {spec.pv}")


def main(paths: Sequence[str]) -> None:
    """Write the table of the default prefix into the files, between their marks."""
    for path in map(Path, paths):
        text = path.read_text(encoding="utf-8")
        path.write_text(inserted(text, markdown(RunOptions.prefix)), encoding="utf-8")


def _stage(spec: Spec) -> str:
    """From which stage on all retained events go through the reduction again, if any."""
    return "" if spec.stage is Stage.PUBLISH else f"{spec.stage.name.lower()} on"


def _default(row: PvRow) -> str:
    match row.spec:
        case Switch():
            return labels(row.spec)[bool(row.default)]
        case Text():
            return f"`{row.default}`"
        case Float():
            return f"{row.default:g}"
        case _:
            return str(row.default)


if __name__ == "__main__":
    main(sys.argv[1:])
