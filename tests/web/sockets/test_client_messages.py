"""What visitors send is understood or refused, whatever it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.sockets.client_messages import MessageRefused, Pace, Subscribe, Write, parsed

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
KINDS = st.sampled_from(
    ["subscribe", "monitor", "clear", "list", "write", "keep", "ping", "echo", "pace"]
)


def test_messages_of_pvws_are_understood() -> None:
    assert parsed('{"type":"subscribe","pvs":["a","b"]}') == Subscribe(["a", "b"])
    assert parsed('{"type":"write","pv":"a","value":1.5}') == Write("a", 1.5)
    assert parsed('{"type":"write","pv":"a","value":"x","id":3}') == Write("a", "x", 3)


def test_further_fields_of_other_clients_are_ignored() -> None:
    assert parsed('{"type":"subscribe","pvs":["a"],"throttle":1}') == Subscribe(["a"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        "7",
        '{"type":"subscribe"}',
        '{"type":"subscribe","pvs":"a"}',
        '{"type":"subscribe","pvs":[1]}',
        '{"type":"write","pv":"a"}',
        '{"type":"write","pv":"a","value":null}',
        '{"type":"write","pv":"a","value":[1]}',
        '{"type":"pace","seconds":-1}',
        '{"type":"pace","seconds":"x"}',
        '{"type":"keep","pv":"a","id":1}',
        '{"type":"keep","pv":"a","result":1}',
        '{"type":"keep","pv":"a","result":1.5,"id":1}',
        '{"type":"shutdown"}',
        '{"pvs":["a"]}',
        json.dumps({"type": "subscribe", "pvs": ["a"] * 2001}),
        json.dumps({"type": "write", "pv": "a", "value": "x" * 65_537}),
        '{"type":"write","pv":"a","value":"\\ud800"}',
        "[" * 100_000,
        '{"a":' * 100_000,
    ],
    ids=lambda text: text[:50],
)
def test_other_texts_are_refused_in_words(text: str) -> None:
    with pytest.raises(MessageRefused, match=r"not understood: .+"):
        parsed(text)


@given(st.binary() | st.text())
def test_no_text_does_harm(text: str | bytes) -> None:
    try:
        parsed(text)
    except MessageRefused as refused:
        assert len(str(refused)) <= 200


@given(
    KINDS, st.dictionaries(st.sampled_from(["pvs", "pv", "value", "id", "seconds", "result"]), JSON)
)
def test_no_message_does_harm(kind: str, fields: dict[str, Any]) -> None:
    try:
        message = parsed(json.dumps({"type": kind} | fields))
    except MessageRefused:
        return
    assert not isinstance(message, Pace) or message.seconds >= 0
