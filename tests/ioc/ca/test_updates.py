"""Updates are packed once for all clients, and their bytes are those that caproto would send."""

from __future__ import annotations

from typing import Any

import caproto
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ioc.ca.updates import Batch, Update, pieces
from ioc.model.wire_values import big_endian
from tests.support.subscribed import Subscribed

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


@given(st.lists(st.binary(max_size=2000), max_size=6), st.integers(0, 300))
def test_what_is_sent_in_pieces_is_the_same(texts: list[bytes], numbers: int) -> None:
    header = caproto.DBR_TYPES[TIME_DOUBLE]()
    array: Any = np.arange(numbers, dtype=">f8")
    parts = [*texts, memoryview(array), header]
    sent = [bytes(each) for each in pieces(parts, 500)]
    assert b"".join(sent) == b"".join(parts)
    assert all(len(each) <= 500 for each in sent)
