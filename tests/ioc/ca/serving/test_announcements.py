"""How many elements clients are told that arrays have, and what numbers they may ask for."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ioc.ca.channel import channel
from ioc.ca.serving.reads import Announcements
from reduction.parameters.specs import Array


class Asked(NamedTuple):
    """A client's channel, by the name that it asked for."""

    name: str


def test_as_many_elements_as_were_announced_means_all_that_there_are() -> None:
    asked: list[Asked] = []
    counts = Announcements(asked.append)
    client, array = Asked("P:A"), channel(Array(pv="A", description=""), None, max_length=1000)
    array.store(np.zeros(20))
    assert counts.announce(client, array) == 20
    # Phoebus asks for 20 and would believe that it got them.
    assert [counts.wanted(client, count) for count in (0, 10, 20, 30)] == [0, 10, 0, 30]


async def test_a_client_asks_again_once_an_array_has_more_elements_than_it_was_told() -> None:
    asked: list[Asked] = []
    counts = Announcements(asked.append)
    array = channel(Array(pv="A", description=""), None, max_length=1000)
    first, part, gone = Asked("P:A"), Asked("P:A.[0:9]"), Asked("P:A.VAL")
    assert [counts.announce(each, array) for each in (first, part, gone)] == [2, 0, 2]
    counts.forget(gone, array)
    await array.publish_value(np.zeros(15))
    assert asked == [first, part]
    assert [counts.announce(each, array) for each in (first, part)] == [30, 10]
    for size in (15, 3, 12, 30):
        await array.publish_value(np.zeros(size))
    assert asked == [first, part]
    await array.publish_value(np.zeros(31))
    assert asked == [first, part, first]
    assert counts.outgrown(first, 30)
    assert counts.wanted(first, 30) == 0, "it was told so before"
    counts.forget_all()
    await array.publish_value(np.zeros(999))
    assert asked == [first, part, first]


async def test_a_client_that_takes_any_number_of_elements_stays_connected() -> None:
    asked: list[Asked] = []
    counts = Announcements(asked.append)
    array = channel(Array(pv="A", description=""), None, max_length=1000)
    any_number, fixed = Asked("P:A"), Asked("P:A.VAL")
    assert [counts.announce(each, array) for each in (any_number, fixed)] == [2, 2]
    assert [counts.subscribed(any_number, 0), counts.subscribed(fixed, 2)] == [0, 0]
    for size in (15, 40):
        await array.publish_value(np.zeros(size))
        assert asked == [fixed]
    assert not counts.outgrown(any_number, 0)
    assert counts.outgrown(any_number, 2), "what it was told at first is less than there is"
    assert asked == [fixed, any_number]
    counts.announce(any_number, array)
    counts.subscribed(any_number, 80)
    await array.publish_value(np.zeros(81))
    assert asked == [fixed, any_number, any_number]
