"""Values of logs that are read here, beside the package that ESS has for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streaming_data_types.logdata_f144 import deserialise_f144, serialise_f144

from reduction.messages.f144 import ARRAYS, SCALARS, decoded_f144, encoded_float, encoded_integers
from reduction.messages.flat_tables import FlatTable

INTEGERS = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]
FLOATS = [np.float32, np.float64]


@given(
    st.sampled_from(INTEGERS + FLOATS),
    st.text(max_size=20),
    st.integers(-(2**63), 2**63 - 1),
    st.lists(st.integers(0, 127), min_size=1, max_size=5),
    st.booleans(),
)
def test_what_the_package_writes_is_read_here_as_there(
    kind: Any, name: str, time_ns: int, numbers: list[int], scalar: bool
) -> None:
    value = kind(numbers[0]) if scalar else np.array(numbers, kind)
    message = serialise_f144(name, value, time_ns)
    found, theirs = decoded_f144(message), deserialise_f144(message)
    assert (found.name, found.time_ns) == (theirs.source_name, theirs.timestamp_unix_ns)
    assert found.value.tolist() == np.atleast_1d(theirs.value).tolist()
    assert decoded_f144(memoryview(message)).value.tolist() == found.value.tolist()


@pytest.mark.parametrize("kind", INTEGERS)
def test_the_largest_and_smallest_integers_are_exact(kind: Any) -> None:
    for limit in (np.iinfo(kind).min, np.iinfo(kind).max):
        assert decoded_f144(serialise_f144("n", kind(limit), 1)).value.tolist() == [limit]
        assert decoded_f144(serialise_f144("n", np.array([limit], kind), 1)).value[0] == limit


def test_all_kinds_of_the_schema_that_are_numbers_are_read() -> None:
    assert sorted([*SCALARS, *ARRAYS]) == list(range(1, 21))


def test_a_table_whose_layout_begins_before_the_message_is_refused() -> None:
    with pytest.raises(ValueError, match="before the message"):
        FlatTable(b"\x08\0\0\0" + bytes(20), 0)


LONGS = st.integers(-(2**63), 2**63 - 1)


@given(st.text(max_size=20), LONGS, st.floats())
def test_a_number_is_written_as_the_package_does(name: str, time_ns: int, value: float) -> None:
    message = encoded_float(name, time_ns, value)
    if time_ns and value != 0:  # the package leaves zeros out, -0.0 too
        assert message == serialise_f144(name, np.float64(value), time_ns)
    for found in (decoded_f144(message), deserialise_f144(message)):
        assert np.array(found.value).tobytes() == np.float64(value).tobytes()
    assert (decoded_f144(message).name, decoded_f144(message).time_ns) == (name, time_ns)


@given(st.text(max_size=20), LONGS, st.lists(LONGS, min_size=1, max_size=4))
def test_integers_are_written_as_the_package_does(
    name: str, time_ns: int, values: list[int]
) -> None:
    message = encoded_integers(name, time_ns, values)
    if time_ns:
        assert message == serialise_f144(name, np.array(values, np.int64), time_ns)
    assert decoded_f144(message).value.tolist() == values
    assert deserialise_f144(message).timestamp_unix_ns == time_ns
