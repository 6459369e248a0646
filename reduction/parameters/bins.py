"""Bin edges in the syntax of Mantid's Rebin."""

from __future__ import annotations

import math
import re

import numpy as np
from numpy.typing import NDArray

LAST_BIN_SHARE = 0.25
"""A remainder below this share of a step is added to the bin before it, as by Mantid's Rebin."""

FAR_TOO_MANY = 2.5
"""So many times the limit is refused by the estimate, which rounding may make twice what it is."""


def rebin_numbers(bin_params: str) -> tuple[float, ...]:
    """The numbers of ``x0,step,x1[,step,x2...]``, checked by Rebin's rules.

    Raises ValueError with a sentence that names the first offending number.
    """
    words = [word.strip() for word in bin_params.split(",")]
    if words == [""]:
        raise ValueError("it is empty; write x0,step,x1[,step,x2...]")
    numbers = tuple(_number(word, place) for place, word in enumerate(words, start=1))
    if len(numbers) < 3 or len(numbers) % 2 == 0:
        raise ValueError(
            f"{len(numbers)} number{'s' * (len(numbers) > 1)}; it takes x0,step,x1[,step,x2...],"
            " an odd count of at least 3"
        )
    for low, step, high in zip(numbers[::2], numbers[1::2], numbers[2::2], strict=False):
        if step == 0:
            raise ValueError(f"the step from {low:g} to {high:g} is 0")
        if high <= low:
            raise ValueError(f"boundaries must rise, but {high:g} follows {low:g}")
        if step < 0 and low <= 0:
            raise ValueError(f"logarithmic step {step:g} needs a start above 0, not {low:g}")
    return numbers


def _number(word: str, place: int) -> float:
    try:
        number = float(word.replace("_", "?"))  # only Python takes 1_000 for a number
    except ValueError:
        several = len(re.split(r"[\s;:|/]+", word.strip())) > 1 or word.strip()[:1] in "([{"
        between = "; commas separate numbers, as in 0.4,0.001,5" if several else ""
        raise ValueError(f"number {place} is {word!r}, not a number{between}") from None
    if not math.isfinite(number):
        raise ValueError(f"number {place} is {word}, not finite")
    return number


def edges(bin_params: str, max_bins: int) -> NDArray[np.float64]:
    r"""Bin edges, shape (bins + 1,), float64, ascending, in the unit of the reduction.

    A positive step is linear, a negative one logarithmic (next = x·(1 + \\|step\\|)); the last bin
    of a segment ends at the segment's boundary. Values are summed one by one, as Mantid's
    VectorHelper::createAxisFromRebinParams does, so they equal Mantid's to the last bit.
    Raises ValueError for text that `rebin_numbers` refuses and for more than ``max_bins`` bins.
    """
    numbers = rebin_numbers(bin_params)
    _check_estimate(numbers, max_bins)
    axis = [np.array(numbers[:1])]
    count = 0
    for step, high in zip(numbers[1::2], numbers[2::2], strict=True):
        make = _linear if step > 0 else _logarithmic
        inner = make(float(axis[-1][-1]), step, high, max_bins - count)
        if inner is None:
            raise ValueError(_too_many(numbers, max_bins))
        axis += [inner, np.array([high])]
        count += inner.size + 1
    if count > max_bins:
        raise ValueError(f"it makes {count} bins; the limit is {max_bins}")
    return np.concatenate(axis)


def _linear(x: float, step: float, high: float, most: int) -> NDArray[np.float64] | None:
    """The boundaries (n,) between ``x`` and ``high``; None if there are more than ``most``."""
    parts: list[NDArray[np.float64]] = []
    while True:
        ahead = int(min((high - x) / step, most)) + 2
        sums = np.full(ahead + 1, step)
        sums[0] = x
        np.add.accumulate(sums, out=sums)
        is_last = sums + step * (1 + LAST_BIN_SHARE) > high
        place = int(np.argmax(is_last)) if is_last.any() else ahead
        stays = np.flatnonzero(np.diff(sums[: place + 1]) == 0)
        if stays.size:
            raise ValueError(_too_small(step, sums[stays[0]]))
        parts.append(sums[1 : place + 1])
        most -= place
        if most < 0:
            return None
        if is_last[place]:
            return np.concatenate(parts)
        x = float(sums[-1])


def _logarithmic(x: float, step: float, high: float, most: int) -> NDArray[np.float64] | None:
    """As `_linear`; a step of -0.01 makes bins that are wider by a hundredth each."""
    found: list[float] = []
    while True:
        width = x * -step
        if x + width * (1 + LAST_BIN_SHARE) > high:
            return np.array(found)
        if x + width == x:
            raise ValueError(_too_small(step, x))
        x += width
        found.append(x)
        if len(found) > most:
            return None


def _check_estimate(numbers: tuple[float, ...], max_bins: int) -> None:
    """Raise ValueError for far too many bins, or for a step that is too small, at once."""
    for low, step in zip(numbers[::2], numbers[1::2], strict=False):
        if low + (step if step > 0 else low * -step) == low:
            raise ValueError(_too_small(step, low))
    if _estimate(numbers) > FAR_TOO_MANY * max_bins:
        raise ValueError(_too_many(numbers, max_bins))


def _too_small(step: float, x: float) -> str:
    return f"the step {step:g} is too small to move {x:g}"


def _too_many(numbers: tuple[float, ...], max_bins: int) -> str:
    return f"it makes about {_estimate(numbers):.3g} bins; the limit is {max_bins}"


def _estimate(numbers: tuple[float, ...]) -> float:
    """How many bins there are, about."""
    segments = zip(numbers[::2], numbers[1::2], numbers[2::2], strict=False)
    return sum(
        (high - low) / step if step > 0 else math.log(high / low) / math.log1p(-step)
        for low, step, high in segments
    )
