"""``live-reduction top``: the state of a running IOC in a terminal, on any machine.

The only module that imports rich.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ioc.model.addresses import IOC_PROCESS, IOC_REMARKS, RANKS, STREAM, reduction_at, views_at
from ioc.model.ioc_parameters import DetectorState, OverallStatus
from ioc.model.paths import ValuePath
from ioc.top.readout import Readout, readouts
from ioc.top.shaded_text import shaded_text
from ioc.top.sparkline import sparkline
from reduction.host.stop import STOP_SIGNALS
from reduction.parameters.limits import PEAKS, REGIONS
from reduction.parameters.units import Units

SPECTRUM_LINES = 6
"""Height of a spectrum, in lines of text."""

IMAGE_LINES = 16
"""Most lines of a detector image."""

STYLES = {
    OverallStatus.OK: "bold green",
    OverallStatus.WARNING: "bold yellow",
    OverallStatus.ERROR: "bold red",
}

BACKEND, ACQUISITION, REMARKS = RANKS / "backend", RANKS / "acquisition", RANKS / IOC_REMARKS

EVENT_FATES = {
    "binned": "events_binned",
    "out of range": "events_out_of_range",
    "masked": "events_masked",
    "filtered": "events_filtered",
    "invalid": "events_invalid",
}
"""The classes of the accounting: the words that are shown, and the field with the count."""


@dataclass(frozen=True)
class TopStart:
    """Which IOC to look at, and how."""

    prefix: str
    reductions: int = 1
    interval_s: float = 1.0
    once: bool = False
    logarithmic: bool = False
    image: bool = False


def frame(start: TopStart, seen: Readout | None, width: int) -> RenderableType:
    """The display of a readout, ``width`` characters wide; ``seen`` None: no IOC answers."""
    if seen is None:
        return Text(f"{start.prefix} no IOC answers; looking for it", STYLES[OverallStatus.ERROR])
    parts: list[RenderableType] = [*_head(start, seen), _figures(seen)]
    for number in range(start.reductions):
        parts += _reduction(start, seen, number, width)
    return Group(*parts)


def _head(start: TopStart, seen: Readout) -> Iterator[RenderableType]:
    status, state = seen[REMARKS / "status"], seen[REMARKS / "state"]
    uptime, host = seen[IOC_PROCESS / "uptime"], seen[IOC_PROCESS / "host"]
    yield Text.assemble(
        (f"{start.prefix} ", "bold"),
        (f"{status} ", STYLES[status]),
        (f"{state} ", "" if state == DetectorState.ACQUIRE else "bold yellow"),
        f"  IOC up {uptime} on {host}",
    )
    if message := seen[REMARKS / "message"]:
        yield Text(message, STYLES[status])
    if progress := seen[ACQUISITION / "progress"]:
        remaining_s = seen[ACQUISITION / "time_remaining"]
        left = f", {remaining_s:.0f} s to go" if remaining_s else ""
        yield Text(f"preset reached to {progress:.1f} %{left}")


def _figures(seen: Readout) -> RenderableType:
    received = seen[STREAM / "event_total"]
    status = reduction_at(0) / "status"
    fates = [
        (word, _count(seen[status / field]), _share(seen[status / field], received))
        for word, field in EVENT_FATES.items()
    ]
    return Columns(
        [
            _table("stream", _stream(seen)),
            _table("back end", _backend(seen)),
            _table("events of Red1", [("received", _count(received), ""), *fates]),
        ],
        padding=(0, 3),
    )


def _stream(seen: Readout) -> Iterator[tuple[str, str]]:
    yield "events/s", _count(seen[STREAM / "event_rate"])
    yield "pulses/s", f"{seen[STREAM / 'pulse_rate']:.2f}"
    yield "lag", f"{seen[STREAM / 'lag']:.3f} s"
    yield "last pulse", f"{seen[STREAM / 'pulse_last']:.0f}"
    yield "missing", f"{seen[STREAM / 'pulses_missing']:.0f}"
    yield "accumulated", f"{seen[ACQUISITION / 'pulses']}"


def _backend(seen: Readout) -> Iterator[tuple[str, str]]:
    yield "ranks", f"{seen[BACKEND / 'ranks']}"
    yield "restarts", f"{seen[REMARKS / 'restarts']}"
    yield "retained", _count(seen[BACKEND / "retained_events"])
    yield "re-cut exactly", f"{100 * seen[BACKEND / 'retained_fraction']:.1f} %"
    yield "memory", f"{seen[BACKEND / 'memory_use'] / 1e6:.0f} MB"
    yield "IOC's loop", f"{1e3 * seen[IOC_PROCESS / 'loop_delay']:.0f} ms late"


def _reduction(start: TopStart, seen: Readout, number: int, width: int) -> Iterator[RenderableType]:
    place = reduction_at(number)
    settings, spectrum = place / "settings", place / "spectrum"
    if settings / "units" not in seen:
        yield Text(
            f"\nRed{number + 1} is not there: see --reductions", STYLES[OverallStatus.WARNING]
        )
        return
    units, bins = Units(seen[settings / "units"]), seen[settings / "bin_params"]
    total = _count(seen[spectrum / "total"])
    yield Text(f"\nRed{number + 1} {units}  {bins}  {total} counts", "bold")
    edges = seen[spectrum / "xe"]
    lines = sparkline(seen[spectrum / "yc"], width, SPECTRUM_LINES, start.logarithmic)
    yield Text("\n".join(lines), "cyan", no_wrap=True)
    if len(edges):
        first, last = f"{edges[0]:g}", f"{edges[-1]:g} {units.symbol}"
        yield Text(first + last.rjust(width - len(first)), no_wrap=True)
    yield from _image(start, seen, number, width)
    tables = [*_slices(seen, place), *_windows(seen, place)]
    if tables:
        yield Columns(tables, padding=(0, 3))


def _image(start: TopStart, seen: Readout, number: int, width: int) -> Iterator[RenderableType]:
    """The detector image, if it is shown."""
    place = views_at(number) / "image"
    if not start.image or place / "data" not in seen:
        return
    rows, columns = (int(seen[place / "plugin" / field]) for field in ("size_y", "size_x"))
    cells = np.asarray(seen[place / "data"], np.float64)
    if not cells.size or cells.size != rows * columns or np.isnan(cells).all():
        yield Text("\nno detector image yet", "yellow")
        return
    total = _count(seen[place / "total"])
    yield Text(f"\ndetector image, {columns} x {rows} cells, {total} counts")
    shown = shaded_text(cells.reshape(rows, columns), width, IMAGE_LINES, start.logarithmic)
    yield Text("\n".join(shown), "cyan", no_wrap=True)


def _slices(seen: Readout, place: ValuePath) -> Iterator[Table]:
    rows = []
    for n in range(seen[place / "shape" / "slices"]):
        here = place / "slices" / n
        if here / "total" in seen:
            span = f"{seen[here / 'low']:g} … {seen[here / 'high']:g}"
            rows.append((f"{n + 1}", span, _count(seen[here / "total"])))
    if rows:
        yield _table(f"slices of {seen[place / 'settings' / 'filter' / 'log']}", rows)


def _windows(seen: Readout, place: ValuePath) -> Iterator[Table]:
    """Tables of the regions and peaks that have a value."""
    for title, kind, count, fields in (
        ("region, counts", "regions", REGIONS, ("total", "error")),
        ("region, net", "regions", REGIONS, ("net", "net_error")),
        ("peak, centre", "peaks", PEAKS, ("centre", "centre_error")),
        ("peak, FWHM", "peaks", PEAKS, ("fwhm", "fwhm_error")),
    ):
        pairs = [[seen[place / kind / n / field] for field in fields] for n in range(count)]
        rows = [
            (f"{n}", f"{value:.6g}", f"± {error:.2g}")
            for n, (value, error) in enumerate(pairs, start=1)
            if not math.isnan(value)
        ]
        if rows:
            yield _table(title, rows)


def _table(title: str, rows: Any) -> Table:
    lines: list[Sequence[str]] = list(rows)
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 1))
    table.show_header = False
    for n in range(len(lines[0])):
        table.add_column(justify="left" if n == 0 else "right")
    for line in lines:
        table.add_row(*line)
    return table


def _count(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ")


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %" if whole else ""


def top(start: TopStart) -> bool:
    """Show the IOC until Ctrl-C, or once; returns False if no IOC was found at the end."""
    with contextlib.suppress(asyncio.CancelledError):
        return asyncio.run(_once(start) if start.once else _for_ever(start))
    return True


def _readouts(start: TopStart) -> AsyncGenerator[Readout | None, None]:
    return readouts(start.prefix, start.reductions, start.interval_s, start.image)


async def _once(start: TopStart) -> bool:
    console = Console(color_system=None)
    async with aclosing(_readouts(start)) as found:
        seen = await anext(found)
    console.print(frame(start, seen, console.width))
    return seen is not None


async def _for_ever(start: TopStart) -> bool:
    task = asyncio.current_task()
    assert task is not None
    for number in STOP_SIGNALS:  # ends Live, which restores the terminal
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with Live(screen=True, auto_refresh=False) as screen:
        width = screen.console.width
        screen.update(frame(start, None, width), refresh=True)
        async with aclosing(_readouts(start)) as found:
            async for seen in found:
                screen.update(frame(start, seen, screen.console.width), refresh=True)
    return False
