"""Detector images and maps below the spectra that `reduction.files.plot` draws."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from reduction.files.saved_parts import SavedPicture

PICTURE_HEIGHT = 5.2
"""Height of a picture with its labels, in inches."""

LABELS_BELOW, TITLE_ABOVE = 0.75, 0.45
"""In inches."""

LOG_FROM = 30.0
"""Colours are logarithmic if the brightest cell has so many times the median of those above 0."""

NO_DETECTOR = "0.85"


def draw_picture(figure: Figure, picture: SavedPicture, bottom: float) -> None:
    """Draw a picture into ``figure``, ``bottom`` inches above its lower end."""
    height = figure.get_figheight()
    box = (
        0.085,
        (bottom + LABELS_BELOW) / height,
        0.775,
        (PICTURE_HEIGHT - LABELS_BELOW - TITLE_ABOVE) / height,
    )
    axes = figure.add_axes(box)
    axes.set_facecolor(NO_DETECTOR)
    values, x, y = picture.values, picture.x.edges, picture.y.edges
    if x[0] > x[-1]:
        x, values = x[::-1], values[:, ::-1]
    if y[0] > y[-1]:
        y, values = y[::-1], values[::-1]
    drawn = axes.pcolorfast(x, y, np.ma.masked_invalid(values), norm=_norm(values))
    drawn.set_cmap(colormaps["viridis"])
    axes.set_xlim(picture.x.edges[0], picture.x.edges[-1])
    first, last = picture.y.edges[0], picture.y.edges[-1]
    axes.set_ylim((first, last) if picture.kind == "map" else (last, first))
    axes.set_xlabel(picture.x.label, parse_math=False)
    axes.set_ylabel(picture.y.label, parse_math=False)
    name = "Detector image" if picture.kind == "image" else "Map"
    axes.set_title(f"{name}: {picture.quantity}", loc="left", fontsize=10, parse_math=False)
    scale = figure.add_axes((0.875, box[1], 0.018, box[3]))
    figure.colorbar(drawn, cax=scale)


def _norm(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Normalize:
    """Logarithmic colours for values (rows, columns) over decades; what is not above 0 is blank."""
    positive = values[np.isfinite(values) & (values > 0)]
    if positive.size and positive.max() > LOG_FROM * np.median(positive):
        return LogNorm(positive.min(), positive.max())
    low, high = np.nanmin(values, initial=0.0), np.nanmax(values, initial=1.0)
    return Normalize(float(low), float(high))
