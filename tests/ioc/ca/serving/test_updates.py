"""Updates are packed once for all clients, and their bytes are those that caproto would send."""

from __future__ import annotations

from typing import Any

import caproto
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.ca.channel import channel
from ioc.ca.serving.client_subscriptions import ClientSubscriptions, gets_common_messages
from ioc.ca.serving.messages import Batch, message_of_number, pieces
from ioc.ca.serving.updates import MOST_SHARED, SharedMessages, Update
from ioc.model.wire_values import big_endian
from ioc.records.scalars import DTYPES
from reduction.parameters.specs import Float
from tests.support.clients.subscribed import Named, Subscribed

TIME_DOUBLE = caproto.ChannelType.TIME_DOUBLE
TYPES = [TIME_DOUBLE, caproto.ChannelType.TIME_FLOAT, caproto.ChannelType.TIME_LONG]


def sent(update: Update, *subs: Subscribed) -> list[Any]:
    """The bytes, in parts, that a client with these subscriptions is sent."""
    batch = Batch()
    for sub in subs:
        batch.add(update.common(sub), sub.subscriptionid)
    return batch.parts


@given(st.integers(0, 70_000), st.integers(0, 2**32 - 1), st.sampled_from(TYPES))
def test_a_message_is_what_caproto_would_send(
    elements: int, number: int, data_type: caproto.ChannelType
) -> None:
    metadata = caproto.DBR_TYPES[data_type](secondsSinceEpoch=7)
    values = np.arange(elements, dtype=">f8")
    expected = caproto.EventAddResponse(values, data_type, elements, 1, number, metadata=metadata)
    update = Update("spec", metadata, big_endian(values), 0)
    sub = Subscribed(number, data_type=data_type)
    assert update.serves(sub)
    for _ in range(2):
        assert b"".join(sent(update, sub)) == bytes(expected)


def test_all_clients_are_sent_the_bytes_that_the_array_is_in() -> None:
    values = big_endian(np.arange(1000, dtype=">f8"))
    update = Update("spec", caproto.DBR_TYPES[TIME_DOUBLE](), values, 0)
    parts = sent(update, Subscribed(1), Subscribed(2))
    assert sum(part is values.base for part in parts) == 2
    messages = [
        caproto.EventAddResponse(values, TIME_DOUBLE, 1000, 1, number, metadata=update.metadata)
        for number in (1, 2)
    ]
    assert b"".join(parts) == b"".join(map(bytes, messages))


def test_short_messages_between_long_ones_keep_their_order_and_are_joined() -> None:
    metadata = caproto.DBR_TYPES[TIME_DOUBLE]()
    long = Update("spec", metadata, big_endian(np.arange(1000, dtype=">f8")), 0)
    short = Update("spec", metadata, np.array([5.0], ">f8"), 0)
    updates, batch = [short, short, long, short, short], Batch()
    for number, update in enumerate(updates):
        batch.add(update.common(Subscribed(number)), number)
    expected = [
        caproto.EventAddResponse(each.values, TIME_DOUBLE, size, 1, number, metadata=metadata)
        for number, each in enumerate(updates)
        for size in [len(each.values)]
    ]
    assert b"".join(batch.parts) == b"".join(map(bytes, expected))
    assert batch.size == sum(map(len, map(bytes, expected)))
    assert len(batch.parts) < len(updates)


WITH_NUMBERS = [
    each
    for each in caproto.ChannelType
    if caproto.native_type(each) in DTYPES and each in caproto.DBR_TYPES
]


@given(st.sampled_from(WITH_NUMBERS), st.integers(0, 255), st.integers(0, 2**32 - 1))
def test_a_message_with_one_number_is_what_caproto_would_send(
    data_type: caproto.ChannelType, value: int, number: int
) -> None:
    has_metadata = data_type not in caproto.native_types
    metadata: Any = caproto.DBR_TYPES[data_type]() if has_metadata else b""
    if hasattr(metadata, "stamp"):
        metadata.stamp = caproto.TimeStamp(7, 8)
    values = np.array([value]).astype(DTYPES[caproto.native_type(data_type)])
    expected = caproto.EventAddResponse(values, data_type, 1, 1, number, metadata=metadata)
    sub = Subscribed(number, data_type=data_type)
    message = sent(Update("spec", metadata, values, 0), sub)
    assert b"".join(message) == bytes(expected)
    assert message_of_number(values, data_type, metadata) is not None


def test_what_is_not_one_number_of_the_type_is_left_to_caproto() -> None:
    metadata = caproto.DBR_TYPES[TIME_DOUBLE]()
    for values in (np.zeros(2, ">f8"), np.zeros(1, ">i4"), np.zeros(0, ">f8"), [b"text"]):
        assert message_of_number(values, TIME_DOUBLE, metadata) is None
    assert message_of_number([b"text"], caproto.ChannelType.STRING, b"") is None


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=8), st.integers(1, 60))
def test_messages_that_are_joined_once_are_those_of_each_client(
    numbers: list[int], length: int
) -> None:
    metadata = caproto.DBR_TYPES[TIME_DOUBLE]()
    updates = tuple(Update("spec", metadata, np.full(length, n, ">f8"), 0) for n in range(9))
    series, shared = updates[: len(numbers)], SharedMessages()
    joined = shared.of(series, [Subscribed(0)] * len(series))
    assert shared.of(series, []) is joined
    assert shared.of(updates, [Subscribed(0)] * len(updates)) is not joined
    alone, together = Batch(), Batch()
    for number, update in zip(numbers, series, strict=True):
        alone.add(update.common(Subscribed(0)), number)
    together.add_joined(joined, numbers)
    assert (together.parts, together.size) == (alone.parts, alone.size)


def test_few_series_of_joined_messages_are_kept() -> None:
    shared = SharedMessages()
    for _ in range(2 * MOST_SHARED):
        update = Update("spec", caproto.DBR_TYPES[TIME_DOUBLE](), np.zeros(1, ">f8"), 0)
        shared.of((update,), [Subscribed(0)])
    assert len(shared) <= MOST_SHARED


NUMBER = channel(Float(pv="F", description=""), 10.0, name="P:F")


@pytest.mark.parametrize(
    ("sub", "common"),
    [
        (Subscribed(1, db_entry=NUMBER), True),
        (Subscribed(1, 1, db_entry=NUMBER), True),
        (Subscribed(1, 2, db_entry=NUMBER), False),
        (Subscribed(1, data_type=caproto.ChannelType.CLASS_NAME, db_entry=NUMBER), False),
        (Subscribed(1, channel=Named('P:F.{"ts":{}}'), db_entry=NUMBER), False),
        (Subscribed(1), False),
    ],
)
def test_subscriptions_of_all_of_a_number_without_filters_get_the_messages_of_others(
    sub: Subscribed, common: bool
) -> None:
    assert gets_common_messages(sub) is common
    subs = ClientSubscriptions()
    for each in (sub, Subscribed(2)):
        subs.append(each)
    assert subs.by_number == {1: sub, 2: Subscribed(2)}
    assert subs.common == ({1} if common else set())


@given(st.lists(st.binary(max_size=2000), max_size=6), st.integers(0, 300))
def test_what_is_sent_in_pieces_is_the_same(texts: list[bytes], numbers: int) -> None:
    header = caproto.DBR_TYPES[TIME_DOUBLE]()
    array: Any = np.arange(numbers, dtype=">f8")
    parts = [*texts, memoryview(array), header]
    sent = [bytes(each) for each in pieces(parts, 500)]
    assert b"".join(sent) == b"".join(parts)
    assert all(len(each) <= 500 for each in sent)
