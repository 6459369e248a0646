"""Bin edges in the syntax of Mantid's Rebin."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

LAST_BIN_SHARE = 0.25
"""A remainder below this share of a step is added to the bin before it, as by Mantid's Rebin."""


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
        between = "; commas separate numbers" if len(word.split()) > 1 else ""
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
    axis = [numbers[0]]
    for step, high in zip(numbers[1::2], numbers[2::2], strict=True):
        x = axis[-1]
        while True:
            width = step if step > 0 else x * -step
            if x + width * (1 + LAST_BIN_SHARE) > high:
                break
            if x + width == x:
                raise ValueError(f"the step {step:g} is too small to move {x:g}")
            x += width
            axis.append(x)
            if len(axis) > max_bins:
                raise ValueError(
                    f"it makes about {_estimate(numbers):.3g} bins; the limit is {max_bins}"
                )
        axis.append(high)
    if len(axis) - 1 > max_bins:
        raise ValueError(f"it makes {len(axis) - 1} bins; the limit is {max_bins}")
    return np.array(axis)


def _estimate(numbers: tuple[float, ...]) -> float:
    segments = zip(numbers[::2], numbers[1::2], numbers[2::2], strict=False)
    return sum(
        (high - low) / step if step > 0 else math.log(high / low) / math.log1p(-step)
        for low, step, high in segments
    )
