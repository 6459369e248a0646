"""Slices hold what their bounds, as they are shown, hold: computed here with decimal numbers."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reduction.parameters.reduction import FilterSettings
from reduction.parameters.specs import Refused

decimals = st.builds(
    lambda digits, places: Decimal(digits).scaleb(-places),
    st.integers(-100_000, 100_000),
    st.integers(0, 6),
)
steps = st.builds(
    lambda digits, places: Decimal(digits).scaleb(-places),
    st.integers(1, 5000),
    st.integers(0, 6),
)


def slices(start: Decimal, step: Decimal, number: int) -> FilterSettings:
    return FilterSettings("T", float(start), float(step), float(start + number * step))


@given(decimals, steps, st.integers(1, 32), st.integers(-3, 40), st.integers(0, 99))
def test_a_value_is_in_the_slice_whose_decimal_bounds_hold_it(
    start: Decimal, step: Decimal, number: int, nth: int, hundredths: int
) -> None:
    settings = slices(start, step, number)
    value = start + step * (Decimal(nth) + Decimal(hundredths) / 100)
    (found,) = settings.slice_of(np.array([float(value)]))
    assert found == (nth if 0 <= nth < number else -1)


@given(decimals, steps, st.integers(1, 32))
def test_bounds_are_shown_as_the_decimal_numbers_they_are(
    start: Decimal, step: Decimal, number: int
) -> None:
    settings = slices(start, step, number)
    assert settings.count == number
    shown = [(Decimal(repr(low)), Decimal(repr(high))) for low, high in settings.bounds]
    assert shown == [(start + n * step, start + (n + 1) * step) for n in range(number)]


@given(decimals, steps, st.integers(1, 32))
def test_slices_hold_exactly_what_lies_within_their_bounds(
    start: Decimal, step: Decimal, number: int
) -> None:
    settings = slices(start, step, number)
    for n, (low, high) in enumerate(settings.bounds):
        at_edges = np.array([np.nextafter(low, -np.inf), low, np.nextafter(high, -np.inf)])
        before, *within = settings.slice_of(at_edges).tolist()
        assert (before, within) == (n - 1, [n, n])


@pytest.mark.parametrize("tenth", range(10))
def test_steps_of_a_tenth_hold_their_tenth(tenth: int) -> None:
    settings = FilterSettings("pressure", minimum=0, step=0.1, maximum=1)
    assert settings.slice_of(np.array([tenth / 10])).tolist() == [tenth]
    assert settings.bounds[tenth][0] == tenth / 10


def test_a_step_that_does_not_move_the_start_is_refused() -> None:
    with pytest.raises(Refused, match="too small beside Min"):
        FilterSettings("T", minimum=1e17, step=1.0, maximum=1e17 + 16)
