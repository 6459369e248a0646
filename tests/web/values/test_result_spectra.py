"""The spectra that a file from the page has besides the sum."""

from __future__ import annotations

import pytest

from web.values.names import WebNames
from web.values.result_spectra import MOST_MEMBERS, MOST_VALUES, ResultSpectra

SHAPE = {"slices": 3, "groups": 2, "series": 1}


@pytest.mark.parametrize(
    ("shape", "sliced", "found"),
    [
        (SHAPE, True, (3, 0, 1)),
        (SHAPE | {"slices": 1}, False, (0, 2, 1)),
        (SHAPE | {"slices": 1, "groups": 1, "series": 0}, False, (0, 0, 0)),
    ],
)
def test_slices_are_taken_or_else_groups_and_always_series(
    shape: dict[str, float], sliced: bool, found: tuple[int, int, int]
) -> None:
    spectra = ResultSpectra.of("T:", 1, shape, sliced=sliced, more=False)
    assert (spectra.slices, spectra.groups, spectra.series) == found


@pytest.mark.parametrize("more", [False, True])
def test_there_is_a_process_variable_for_all_that_is_read(more: bool) -> None:
    names = WebNames("T:", reductions=2)
    for sliced in (False, True):
        spectra = ResultSpectra.of("T:", 1, SHAPE, sliced=sliced, more=more)
        assert all(names.find(each).name == each for each in spectra.names)
        assert len(set(spectra.names)) == len(spectra.names)


def test_too_many_spectra_do_not_fit_into_a_file() -> None:
    assert ResultSpectra("T:Red1:", slices=MOST_MEMBERS).fits(bins=100)
    assert not ResultSpectra("T:Red1:", slices=MOST_MEMBERS, series=1).fits(bins=100)
    assert not ResultSpectra("T:Red1:", slices=3).fits(bins=MOST_VALUES // 5)
