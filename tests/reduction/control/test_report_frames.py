"""Large arrays of a report are frames of their own, and are not copied."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from reduction.control.encoding import (
    FRAME_BYTES,
    MessageNotUnderstood,
    decoded,
    encoded,
    encoded_frames,
)
from reduction.control.reports import MapCounts


@dataclass(frozen=True, eq=False)
class Numbered:
    """An array and its number."""

    number: int
    array: NDArray[np.int64]


ROWS = FRAME_BYTES // 8


def test_a_large_array_is_a_frame_whose_memory_the_decoded_message_shares() -> None:
    array = np.arange(2 * ROWS).reshape(2, ROWS)
    body, (frame,) = encoded_frames(Numbered(7, array))
    assert len(body) < 100
    found = decoded(Numbered, body, [frame.data])
    assert found.number == 7
    np.testing.assert_array_equal(found.array, array)
    assert np.shares_memory(found.array, array)
    assert not found.array.flags.writeable


def test_small_arrays_are_in_the_message_and_others_need_not_be_contiguous() -> None:
    every_second = np.arange(4 * ROWS)[::2]
    body, frames = encoded_frames((Numbered(0, np.arange(3)), Numbered(1, every_second)))
    assert len(frames) == 1
    small, large = decoded(tuple[Numbered, Numbered], body, [frames[0].data])
    assert small.array.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(large.array, every_second)


@pytest.mark.parametrize("number", [1, -1, True, 2**62])
def test_a_report_that_names_a_frame_that_did_not_come_is_not_understood(number: int) -> None:
    named = encoded({"number": 7, "array": ("<i8", (ROWS,), number)})
    with pytest.raises(MessageNotUnderstood, match="missing"):
        decoded(Numbered, named, [bytes(FRAME_BYTES)])


def test_a_frame_that_has_not_the_size_that_the_report_names_is_not_understood() -> None:
    body, frames = encoded_frames(Numbered(7, np.arange(ROWS)))
    with pytest.raises(MessageNotUnderstood):
        decoded(Numbered, body, [bytes(frames[0])[:-8]])
    counts = np.zeros((2, ROWS), np.int64)
    body, frames = encoded_frames(MapCounts(counts, np.zeros(ROWS + 1), np.zeros(3)))
    with pytest.raises(MessageNotUnderstood):
        decoded(MapCounts, body, [bytes(each) for each in reversed(frames)])
