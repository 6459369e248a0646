"""Pictures of saved results; the only module that needs matplotlib (extra ``plot``)."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, ScalarFormatter
from numpy.typing import NDArray

from reduction.files.plot_pictures import PICTURE_HEIGHT, draw_picture
from reduction.files.saved_parts import SavedIntensity, ValuesAndErrors
from reduction.files.saved_result import SavedResult, iso_time
from reduction.host.file_system import atomic_files

Curve = NDArray[np.float64]

DOTS_PER_INCH = 130
WIDTH, SUM_HEIGHT, MARGINS = 11.0, 4.3, 1.7
"""In inches."""

MOST_STEPS = 1100
"""Most steps of a line, about one for each pixel: filling the area under 10 000 takes minutes."""

DECADES_FOR_LOG = 1.0
"""Least number of decades that a logarithmic axis spans."""

MOST_OVERLAP = 4.0
"""Height of the highest peak, in distances between two spectra; less if there are few spectra."""

LONGEST_LABEL = 22

MOST_LABELS = 200
"""Most labels for which a panel grows: matplotlib draws at most 65 535 pixels."""

DRAWN_BY = "live-reduction plot"
"""What a picture says of itself, so that it is known again."""


@dataclass(frozen=True, eq=False)
class DrawnSpectra:
    """What is drawn of a result: its intensities ``shown`` over ``edges`` (n + 1,)."""

    result: SavedResult
    edges: Curve
    shown: SavedIntensity

    @property
    def logarithmic_x(self) -> bool:
        """Whether the edges span a decade and the bins widen along them."""
        return _widening(self.edges)

    @property
    def logarithmic_y(self) -> bool:
        """Whether the x axis is logarithmic and the intensities span three decades."""
        intensity = self.shown.summed.values
        positive = intensity[np.isfinite(intensity) & (intensity > 0)]
        if not self.logarithmic_x or not positive.size:
            return False
        low, high = np.percentile(positive, (5, 100))
        return bool(high > 1000 * low)


class StackedSpectra(NamedTuple):
    """Spectra, (spectra, n), to draw one above the other, the first at the bottom."""

    heading: str
    labels: tuple[str, ...]
    values: Curve


def plot(result: SavedResult, path_png: Path) -> None:
    """Draw ``result`` to a PNG file at ``path_png``.

    Above is the sum, as steps, with a band of one standard error on both sides: the normalised
    intensity if there is one, or else counts. Below are slices or groups, and closed series, as
    lines one above the other, and then detector image and map. Axes are logarithmic if bins or
    intensities span decades. Bins that are narrower than a pixel are joined.

    A picture that this function has drawn earlier is replaced, another file is not. Raises OSError
    with path and reason; then no file has changed.
    """
    picture = io.BytesIO()
    draw(result).savefig(picture, format="png", metadata={"Software": DRAWN_BY})
    content = [(path_png, picture.getvalue())]
    if _drawn_here(path_png):
        atomic_files.replace(content)
    else:
        atomic_files.create(content)


def _drawn_here(path_png: Path) -> bool:
    """Whether the file is a picture that `plot` has drawn."""
    try:
        with path_png.open("rb") as file:
            return f"Software\0{DRAWN_BY}".encode() in file.read(1000)
    except OSError:
        return False


def draw(result: SavedResult) -> Figure:
    """The figure that `plot` saves."""
    drawn = thinned(result)
    panels = list(_stacked(drawn))
    heights = [SUM_HEIGHT, *(2.6 + 0.27 * min(len(each.labels), MOST_LABELS) for each in panels)]
    below = PICTURE_HEIGHT * len(result.pictures)
    height = sum(heights) + MARGINS + below
    figure = Figure(figsize=(WIDTH, height), dpi=DOTS_PER_INCH)
    figure.subplots_adjust(
        left=0.085,
        right=0.86 if panels else 0.97,
        bottom=(0.8 + below) / height,
        top=1 - 0.9 / height,
        hspace=0.3 * len(heights) / sum(heights),
    )
    axes = figure.subplots(
        len(heights), sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
    )[:, 0]
    _words(figure, result, drawn)
    _sum(axes[0], drawn)
    for panel, stacked in zip(axes[1:], panels, strict=True):
        _ridges(panel, drawn, stacked)
    _x_axis(axes[-1], drawn)
    for number, picture in enumerate(reversed(result.pictures)):
        draw_picture(figure, picture, 0.3 + number * PICTURE_HEIGHT)
    return figure


def thinned(result: SavedResult) -> DrawnSpectra:
    """The intensities of ``result``, with all bins joined that fall into the same column of pixels.

    A joined bin has the mean of the intensities, weighted by widths, so that no count is lost.
    """
    edges, shown = result.edges, result.shown
    place = np.log if _widening(edges) else np.asarray
    if edges.size <= MOST_STEPS + 1:
        return DrawnSpectra(result, edges, shown)
    columns = np.linspace(place(edges[0]), place(edges[-1]), MOST_STEPS + 1)[:-1]
    starts = np.unique(np.searchsorted(place(edges[:-1]), columns, side="right") - 1)
    widths = np.diff(edges)
    joined = np.add.reduceat(widths, starts)

    def join(spectra: ValuesAndErrors) -> ValuesAndErrors:
        values, errors = spectra
        if not values.size:
            return ValuesAndErrors(*(each[..., : starts.size] for each in spectra))
        return ValuesAndErrors(
            np.add.reduceat(values * widths, starts, axis=-1) / joined,
            np.sqrt(np.add.reduceat((errors * widths) ** 2, starts, axis=-1)) / joined,
        )

    less = dataclasses.replace(
        shown,
        summed=join(shown.summed),
        by_slice=join(shown.by_slice),
        by_group=join(shown.by_group),
        of_series=join(shown.of_series),
    )
    return DrawnSpectra(result, np.append(edges[starts], edges[-1]), less)


def _stacked(drawn: DrawnSpectra) -> Iterator[StackedSpectra]:
    """The panels below the sum: slices or groups, and closed series."""
    result, shown = drawn.result, drawn.shown
    if result.slice_bounds:
        not_in = "outside " if result.outside else ""
        labels = tuple(f"{not_in}[{low:.7g}, {high:.7g})" for low, high in result.slice_bounds)
        unit = f" ({result.slice_log_units})" if result.slice_log_units else ""
        yield StackedSpectra(result.slice_log + unit, labels, shown.by_slice.values)
    elif len(result.group_names) > 1:
        yield StackedSpectra("Groups", result.group_names, shown.by_group.values)
    if result.series:
        labels = tuple(f"series {number}" for number in range(1, len(result.series) + 1))
        yield StackedSpectra("Closed series", labels, shown.of_series.values)


def _words(figure: Figure, result: SavedResult, drawn: DrawnSpectra) -> None:
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


def _sum(axes: Axes, drawn: DrawnSpectra) -> None:
    intensity, error = drawn.shown.summed
    low, high = intensity - error, intensity + error
    slices, series = len(drawn.result.slice_bounds), len(drawn.result.series)
    name = f"sum of {slices} slices" if slices else "all events"
    if series:
        name += f" since {series} closed series"
    _band(axes, drawn, low, high, color="tab:blue", alpha=0.4, label="± standard error")
    _line(axes, drawn, intensity, color="tab:blue", label=name)
    _y_axis(axes, drawn, intensity, error)
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1, 0.99),
        ncols=2,
        frameon=False,
        reverse=True,
        fontsize=9,
    )


def _band(axes: Axes, drawn: DrawnSpectra, low: Curve, high: Curve, **style: Any) -> None:
    axes.stairs(high, drawn.edges, baseline=low, fill=True, linewidth=0, **style)


def _line(axes: Axes, drawn: DrawnSpectra, values: Curve, **style: Any) -> None:
    width = 1.0 if values.size < MOST_STEPS // 2 else 0.8
    axes.stairs(values, drawn.edges, baseline=None, linewidth=width, **style)


def _y_axis(axes: Axes, drawn: DrawnSpectra, intensity: Curve, error: Curve) -> None:
    axes.set_ylabel(_y_label(drawn))
    axes.margins(x=0)
    high = np.nanmax(intensity + error, initial=0, where=np.isfinite(intensity + error))
    low = np.nanmin(intensity - error, initial=0, where=np.isfinite(intensity - error))
    if drawn.logarithmic_y:
        axes.set_yscale("log")
        axes.set_ylim(0.5 * intensity[intensity > 0].min(), 2 * high)
    else:
        axes.yaxis.set_major_formatter(ScalarFormatter(useMathText=True))
        axes.ticklabel_format(axis="y", scilimits=(-2, 4))
        axes.set_ylim(1.04 * low, 1.04 * high or 1)
    axes.grid(alpha=0.25)


def _ridges(axes: Axes, drawn: DrawnSpectra, stacked: StackedSpectra) -> None:
    """Draw the spectra one above the other.

    A lower spectrum covers the spectra above it. Each is labelled at its right end.
    """
    values = _heights(drawn, stacked.values)
    overlap = MOST_OVERLAP if drawn.logarithmic_y else min(1 + len(values) / 8, MOST_OVERLAP)
    distance = (values.max() - min(values.min(), 0.0)) / overlap or 1.0
    colours = colormaps["viridis"](np.linspace(0, 0.85, len(values)))
    for index, (line, colour) in enumerate(zip(values, colours, strict=True)):
        base, order = index * distance, 2 + len(values) - index
        _band(axes, drawn, np.full_like(line, base), line + base, color="white", zorder=order)
        _line(axes, drawn, line + base, color=colour, zorder=order + 0.5)
        end = base + float(np.median(line[-max(1, line.size // 25) :]))
        _label(axes, stacked.labels[index], end, colour)
    top = max((line.max() + at * distance) for at, line in enumerate((*values, np.zeros(1))))
    axes.set_ylim(min(values.min(), -0.1 * distance), top + 0.1 * distance)
    axes.set_title(stacked.heading, loc="right", fontsize=9, pad=4, parse_math=False)
    for spine in axes.spines.values():
        spine.set_zorder(2 * len(values) + 10)
    axes.set_yticks([])
    label = _y_label(drawn)
    axes.set_ylabel(f"{'Log of: ' if drawn.logarithmic_y else ''}{label}, shifted")
    axes.grid(axis="x", alpha=0.25)


def _y_label(drawn: DrawnSpectra) -> str:
    """What the intensities are: their unit, with the corrections in words below."""
    if drawn.result.intensity is None:
        return f"Counts per {drawn.result.axis.symbol}"
    name = drawn.shown.name
    return f"{name[:1].upper()}{name[1:]}".replace(", ", ",\n")


def _heights(drawn: DrawnSpectra, intensity: Curve) -> Curve:
    """What to draw, of the shape of ``intensity``: that, or decades above the lowest one."""
    values = np.where(np.isfinite(intensity), intensity, 0.0)
    if not drawn.logarithmic_y or not np.any(values > 0):
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


def _x_axis(axes: Axes, drawn: DrawnSpectra) -> None:
    labels = drawn.result.axis
    quantity = labels.quantity
    begin = quantity if quantity.startswith("d-") else quantity.capitalize()
    axes.set_xlabel(f"{begin} ({labels.symbol})")
    if drawn.logarithmic_x:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(LogFormatter())
    axes.set_xlim(drawn.edges[0], drawn.edges[-1])


def _widening(edges: Curve) -> bool:
    """Whether edges (n + 1,) span a decade and the bins widen along them."""
    first, last = edges[0], edges[-1]
    if first <= 0 or np.log10(last / first) < DECADES_FOR_LOG:
        return False
    widths = np.diff(edges)
    half = widths.size // 2
    return bool(half and np.median(widths[half:]) > 2 * np.median(widths[:half]))
