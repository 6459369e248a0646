"""Pictures in text: the greatest value under each character is seen."""

from __future__ import annotations

import numpy as np

from ioc.top.shaded_text import SHADES, shaded_text


def test_a_small_picture_has_a_character_for_each_cell() -> None:
    values = np.array([[0.0, 9.0, np.nan], [4.5, 1.0, 9.0]])
    assert shaded_text(values, 80, 20) == [" @ ", "+.@"]


def test_a_large_picture_shows_the_greatest_value_under_each_character() -> None:
    values = np.zeros((100, 300))
    values[57, 201] = 7
    lines = shaded_text(values, 30, 10)
    assert (len(lines), {len(line) for line in lines}) == (10, {30})
    assert lines[5][20] == SHADES[-1]
    assert "".join(lines).strip() == SHADES[-1]


def test_logarithmic_shades_show_weak_cells_beside_strong_ones() -> None:
    values = np.array([[1e6, 1e3, 1.0, 0.0]])
    assert shaded_text(values, 4, 1) == ["@.. "]
    assert shaded_text(values, 4, 1, logarithmic=True) == ["@+. "]


def test_pictures_of_nothing_have_no_lines_or_blanks() -> None:
    assert shaded_text(np.zeros((0, 0)), 10, 10) == []
    assert shaded_text(np.full((2, 2), np.nan), 10, 10) == ["  ", "  "]
    assert shaded_text(np.zeros((1, 2)), 10, 10) == ["  "]
