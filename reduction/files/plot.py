"""Pictures of saved results; the only module that needs matplotlib (extra ``plot``)."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, ScalarFormatter
from numpy.typing import NDArray

from reduction.files.saved_result import CountsAndVariances, SavedResult, iso_time
from reduction.host import atomic_files

Curve = NDArray[np.float64]

DOTS_PER_INCH = 130
WIDTH, SUM_HEIGHT, MARGINS = 11.0, 4.3, 1.7
"""In inches."""

COLUMNS = 1100
"""Most steps of a line, about one for each pixel: filling the area under 10 000 takes minutes."""

DECADES_FOR_LOG = 1.0
"""Least number of decades that a logarithmic axis spans."""

MOST_OVERLAP = 4.0
"""Height of the highest peak, in distances between two spectra; less if there are few spectra."""

LONGEST_LABEL = 22


class StackedSpectra(NamedTuple):
    """Spectra, (spectra, n), to draw one above the other, the first at the bottom."""

    heading: str
    labels: tuple[str, ...]
    spectrum: CountsAndVariances


def plot(result: SavedResult, path_png: Path) -> None:
    """Draw ``result`` to a PNG file at ``path_png``.

    Above is the sum, as steps, with a band of one standard error on both sides. Below are slices
    or, if it is not sliced, groups, as lines one above the other. Axes are logarithmic if bins
    or intensities span decades. Bins that are narrower than a pixel are joined.

    Raises OSError with path and reason; then no file has changed.
    """
    picture = io.BytesIO()
    draw(result).savefig(picture, format="png")
    atomic_files.replace([(path_png, picture.getvalue())])


def draw(result: SavedResult) -> Figure:
    """The figure that `plot` saves."""
    drawn = thinned(result)
    stacked = _stacked(drawn)
    heights = [SUM_HEIGHT, 2.6 + 0.27 * len(stacked.labels)] if stacked else [SUM_HEIGHT]
    height = sum(heights) + MARGINS
    figure = Figure(figsize=(WIDTH, height), dpi=DOTS_PER_INCH)
    figure.subplots_adjust(
        left=0.085,
        right=0.86 if stacked else 0.97,
        bottom=0.8 / height,
        top=1 - 0.9 / height,
        hspace=0.3 * len(heights) / sum(heights),
    )
    axes = figure.subplots(
        len(heights), sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
    )[:, 0]
    _words(figure, result, drawn)
    _sum(axes[0], drawn)
    if stacked:
        _ridges(axes[1], drawn, stacked)
    _x_axis(axes[-1], drawn)
    return figure


def thinned(result: SavedResult) -> SavedResult:
    """``result`` with all bins that fall into the same column of pixels joined."""
    edges, place = result.edges, np.log if _logarithmic_x(result) else np.asarray
    if edges.size <= COLUMNS + 1:
        return result
    columns = np.linspace(place(edges[0]), place(edges[-1]), COLUMNS + 1)[:-1]
    starts = np.unique(np.searchsorted(place(edges[:-1]), columns, side="right") - 1)
    return dataclasses.replace(
        result,
        edges=np.append(edges[starts], edges[-1]),
        counts=np.add.reduceat(result.counts, starts, axis=-1),
        variances=np.add.reduceat(result.variances, starts, axis=-1),
        series=(),  # a picture shows no series
    )


def _stacked(result: SavedResult) -> StackedSpectra | None:
    if result.slice_bounds:
        labels = tuple(f"[{low:.7g}, {high:.7g})" for low, high in result.slice_bounds)
        return StackedSpectra(result.slice_log, labels, result.by_slice)
    if len(result.group_names) > 1:
        return StackedSpectra("Groups", result.group_names, result.by_group)
    return None


def _words(figure: Figure, result: SavedResult, drawn: SavedResult) -> None:
    """Write the title, what was measured, and the accounting of events; a $ is not mathematics."""
    inch = 1 / figure.get_figheight()
    start, end = (
        iso_time(at)[:19].replace("T", " ") for at in (result.start_time_ns, result.end_time_ns)
    )
    counts = float(np.nansum(result.counts))
    bins, joined = result.edges.size - 1, result.edges.size / drawn.edges.size
    facts = (
        f"pulses {_grouped(result.first_pulse)} to {_grouped(result.last_pulse)}",
        f"{_grouped(int(counts)) if counts.is_integer() else f'{counts:.6g}'} counts",
        f"{_grouped(bins)} bins" + (f", about {joined:.1f} to a step" if joined > 1 else ""),
        f"{start} to {end.removeprefix(start[:11])} UTC",
    )
    events = (f"{_grouped(n)} {name.replace('_', ' ')}" for name, n in result.accounting.items())
    for y, text, size, colour in (
        (1 - 0.34 * inch, result.title, 14, "black"),
        (1 - 0.61 * inch, "   ·   ".join(facts), 10, "black"),
        (0.12 * inch, "   ·   ".join((*events, result.program)), 8, "0.45"),
    ):
        figure.text(0.085, y, text, fontsize=size, color=colour, parse_math=False)


def _grouped(number: int) -> str:
    """``number`` with thin spaces between thousands."""
    return f"{number:,}".replace(",", "\u2009")


def _sum(axes: Axes, result: SavedResult) -> None:
    intensity, error = result.per_unit(result.summed)
    low, high = intensity - error, intensity + error
    name = f"sum of {len(result.slice_bounds)} slices" if result.slice_bounds else "all events"
    _band(axes, result, low, high, color="tab:blue", alpha=0.4, label="± standard error")
    _line(axes, result, intensity, color="tab:blue", label=name)
    _y_axis(axes, result, intensity, error)
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1, 0.99),
        ncols=2,
        frameon=False,
        reverse=True,
        fontsize=9,
    )


def _band(axes: Axes, result: SavedResult, low: Curve, high: Curve, **style: Any) -> None:
    axes.stairs(high, result.edges, baseline=low, fill=True, linewidth=0, **style)


def _line(axes: Axes, result: SavedResult, values: Curve, **style: Any) -> None:
    width = 1.0 if values.size < COLUMNS // 2 else 0.8
    axes.stairs(values, result.edges, baseline=None, linewidth=width, **style)


def _y_axis(axes: Axes, result: SavedResult, intensity: Curve, error: Curve) -> None:
    axes.set_ylabel(f"Counts per {result.axis.symbol}")
    axes.margins(x=0)
    high = np.nanmax(intensity + error, initial=0, where=np.isfinite(intensity + error))
    low = np.nanmin(intensity - error, initial=0, where=np.isfinite(intensity - error))
    if _logarithmic_y(result):
        axes.set_yscale("log")
        axes.set_ylim(0.5 * intensity[intensity > 0].min(), 2 * high)
    else:
        axes.yaxis.set_major_formatter(ScalarFormatter(useMathText=True))
        axes.ticklabel_format(axis="y", scilimits=(-2, 4))
        axes.set_ylim(1.04 * low, 1.04 * high or 1)
    axes.grid(alpha=0.25)


def _ridges(axes: Axes, result: SavedResult, stacked: StackedSpectra) -> None:
    """Draw the spectra one above the other.

    A lower spectrum covers the spectra above it. Each is labelled at its right end.
    """
    values = _heights(result, stacked.spectrum)
    overlap = MOST_OVERLAP if _logarithmic_y(result) else min(1 + len(values) / 8, MOST_OVERLAP)
    distance = (values.max() - min(values.min(), 0.0)) / overlap or 1.0
    colours = colormaps["viridis"](np.linspace(0, 0.85, len(values)))
    for index, (line, colour) in enumerate(zip(values, colours, strict=True)):
        base, order = index * distance, 2 + len(values) - index
        _band(axes, result, np.full_like(line, base), line + base, color="white", zorder=order)
        _line(axes, result, line + base, color=colour, zorder=order + 0.5)
        end = base + float(np.median(line[-max(1, line.size // 25) :]))
        _label(axes, stacked.labels[index], end, colour)
    top = max((line.max() + at * distance) for at, line in enumerate((*values, np.zeros(1))))
    axes.set_ylim(min(values.min(), -0.1 * distance), top + 0.1 * distance)
    axes.set_title(stacked.heading, loc="right", fontsize=9, pad=4, parse_math=False)
    for spine in axes.spines.values():
        spine.set_zorder(2 * len(values) + 10)
    axes.set_yticks([])
    scale = "log of counts" if _logarithmic_y(result) else "Counts"
    axes.set_ylabel(f"{scale} per {result.axis.symbol}, shifted")
    axes.grid(axis="x", alpha=0.25)


def _heights(result: SavedResult, spectrum: CountsAndVariances) -> Curve:
    """What to draw of ``spectrum``, of its shape: intensities, or decades above the lowest one."""
    intensity, _ = result.per_unit(spectrum)
    values = np.where(np.isfinite(intensity), intensity, 0.0)
    if not _logarithmic_y(result):
        return values
    floor = 0.5 * values[values > 0].min()
    decades: Curve = np.log10(np.maximum(values, floor) / floor)
    return decades


def _label(axes: Axes, text: str, y: float, colour: Any) -> None:
    """Write ``text`` to the right of the axes at height ``y``; a $ does not begin mathematics."""
    axes.annotate(
        text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…",
        (1, y),
        (6, 0),
        xycoords=axes.get_yaxis_transform(),
        textcoords="offset points",
        verticalalignment="center",
        color=colour,
        fontsize=9,
        annotation_clip=False,
        parse_math=False,
    )


def _x_axis(axes: Axes, result: SavedResult) -> None:
    quantity = result.axis.quantity
    begin = quantity if quantity.startswith("d-") else quantity.capitalize()
    axes.set_xlabel(f"{begin} ({result.axis.symbol})")
    if _logarithmic_x(result):
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(LogFormatter())
    axes.set_xlim(result.edges[0], result.edges[-1])


def _logarithmic_x(result: SavedResult) -> bool:
    """Whether the edges span a decade and the bins widen along them."""
    first, last = result.edges[0], result.edges[-1]
    if first <= 0 or np.log10(last / first) < DECADES_FOR_LOG:
        return False
    widths = np.diff(result.edges)
    half = widths.size // 2
    return bool(half and np.median(widths[half:]) > 2 * np.median(widths[:half]))


def _logarithmic_y(result: SavedResult) -> bool:
    """Whether the x axis is logarithmic and the intensities span three decades."""
    intensity, _ = result.per_unit(result.summed)
    positive = intensity[np.isfinite(intensity) & (intensity > 0)]
    if not _logarithmic_x(result) or not positive.size:
        return False
    low, high = np.percentile(positive, (5, 100))
    return bool(high > 1000 * low)
