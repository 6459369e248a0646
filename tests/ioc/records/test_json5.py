"""JSON5 reads as people write it, and what is none is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.records.json5 import read_json5


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2.5, "x"]}', {"a": [1, 2.5, "x"]}),
        ("{a:{b:'c'},}", {"a": {"b": "c"}}),
        (
            "{a: +1, b: -0x1F, c: .5, d: 5., e: 1e3}",
            {"a": 1, "b": -31, "c": 0.5, "d": 5, "e": 1000},
        ),
        ("{/* one */ a: 1, // two\n b: [true, false, null,]}", {"a": 1, "b": [True, False, None]}),
        (r"""{'it\'s': "say \"so\""}""", {"it's": 'say "so"'}),
        ("{true: true}", {"true": True}),
    ],
)
def test_it_reads_as_people_write_it(text: str, value: object) -> None:
    assert read_json5(text) == value


@pytest.mark.parametrize("text", ["", "{", "{a:b}", "{a 1}", "[1 2]", "{,}", "'a", "{a:@}", "1 2"])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_json5(text)


@given(st.text(alphabet="{}[]:,'\"+-.0x1eab/*\\ \n", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read_json5(text)
    except (ValueError, RecursionError) as refused:
        assert str(refused)
