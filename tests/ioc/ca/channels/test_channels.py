"""Channels take what their spec takes, and refuse the rest without harm."""

from __future__ import annotations

import asyncio
import enum
from typing import Any

import numpy as np
import pytest
from caproto import (
    AccessRights,
    AlarmSeverity,
    ChannelFilter,
    ChannelType,
    Forbidden,
)
from caproto.server.common import SubscriptionSpec
from hypothesis import given
from hypothesis import strategies as st

from ioc.ca.channel import ClientPuts, Put, PvChannel, channel
from ioc.ca.channels.alarms import DISCONNECTED_ALARM, NO_ALARM, REFUSED_ALARM
from ioc.ca.channels.timestamps import timestamp
from ioc.security.rules import Client
from reduction.parameters.specs import (
    Array,
    Choice,
    Command,
    Float,
    Integer,
    Refused,
    Spec,
    Switch,
    Text,
)
from tests.support.virtual_time import at_virtual_time

YEAR_2000_NS = 946_684_800 * 10**9
"""A time, in ns since 1970."""


class Colour(enum.StrEnum):
    RED = "Red"
    GREEN = "Green"


FLOAT = Float(pv="F", description="a float", units="Hz", minimum=0, maximum=10, precision=2)
INTEGER = Integer(pv="I", description="an integer", minimum=1)
CHOICE = Choice(pv="C", description="a choice", options=Colour)
SWITCH = Switch(pv="S", description="a switch")
COMMAND = Command(pv="D", description="a command")
TEXT = Text(pv="T", description="a text", max_length=50)
WORD = Text(pv="W", description="a word", max_length=20)
ARRAY = Array(pv="A", description="an array", units="Ang")
STARTS: list[tuple[Spec, Any]] = [
    (FLOAT, 1.0),
    (INTEGER, 1),
    (CHOICE, Colour.RED),
    (SWITCH, False),
    (TEXT, "x"),
    (WORD, "x"),
]


async def take(value: Any, _: Client) -> Any:
    return value


async def write(to: PvChannel, kind: ChannelType, data: Any) -> None:
    await to.auth_write("host", "user", data, kind, None)


def setpoint(spec: Spec, value: Any, put: Put = take) -> PvChannel:
    return channel(spec, value, ClientPuts(put))


def numbers(*values: float) -> Any:
    return np.array(values, ">f8")


@pytest.mark.parametrize(
    ("spec", "start", "kind", "data", "held"),
    [
        (FLOAT, 1.0, ChannelType.DOUBLE, numbers(2.5), 2.5),
        (FLOAT, 1.0, ChannelType.STRING, [b"2.5"], 2.5),
        (INTEGER, 1, ChannelType.DOUBLE, numbers(7), 7),
        (CHOICE, Colour.RED, ChannelType.STRING, [b"Green"], "Green"),
        (CHOICE, Colour.RED, ChannelType.STRING, [b"1"], "Green"),
        (CHOICE, Colour.RED, ChannelType.ENUM, np.array([1], ">u2"), "Green"),
        (SWITCH, False, ChannelType.STRING, [b"On"], "On"),
        (SWITCH, False, ChannelType.LONG, np.array([1], ">i4"), "On"),
        (TEXT, "", ChannelType.CHAR, np.frombuffer(b"1,2,3\0\0", "B"), "1,2,3"),
        (TEXT, "", ChannelType.STRING, [b"1,2,3"], "1,2,3"),
        (WORD, "", ChannelType.STRING, [b"F d -3 m"], "F d -3 m"),
        (WORD, "", ChannelType.CHAR, np.frombuffer(b"F d -3 m\0", "B"), "F d -3 m"),
    ],
)
def test_a_client_may_write_it(
    spec: Spec, start: Any, kind: ChannelType, data: Any, held: Any
) -> None:
    to = setpoint(spec, start)
    asyncio.run(write(to, kind, data))
    assert to.value == held
    assert (to.alarm.status, to.alarm.severity) == NO_ALARM


@pytest.mark.parametrize(
    ("spec", "start", "kind", "data", "words"),
    [
        (FLOAT, 1.0, ChannelType.DOUBLE, numbers(11), "F: 11 refused: the highest is 10 Hz"),
        (FLOAT, 1.0, ChannelType.DOUBLE, numbers(np.nan), "not a finite number"),
        (FLOAT, 1.0, ChannelType.STRING, [b"fast"], "F: 'fast' refused: not a number"),
        (FLOAT, 1.0, ChannelType.DOUBLE, numbers(1, 2), "'2 values' refused: it takes one"),
        (FLOAT, 1.0, ChannelType.DOUBLE, numbers(), "'0 values' refused: it takes one"),
        (INTEGER, 1, ChannelType.DOUBLE, numbers(0), "the lowest is 1"),
        (CHOICE, Colour.RED, ChannelType.ENUM, np.array([2], ">u2"), "Red \\(0\\), Green \\(1\\)"),
        (CHOICE, Colour.RED, ChannelType.STRING, [b"Gren"], "did you mean Green"),
        (SWITCH, False, ChannelType.ENUM, np.array([2], ">u2"), "it is Off \\(0\\) or On \\(1\\)"),
        (SWITCH, False, ChannelType.STRING, [b"Maybe"], "it is Off \\(0\\) or On \\(1\\)"),
        (TEXT, "", ChannelType.STRING, [b"caf\xe9"], "only printable ASCII"),
        (TEXT, "", ChannelType.DOUBLE, numbers(1), ": 1 refused: it takes one text"),
        (TEXT, "", ChannelType.DOUBLE, numbers(1, 2), ": '2 values' refused: it takes one text"),
        (WORD, "", ChannelType.STRING, [b"x" * 21], "longer than 20 characters"),
    ],
)
def test_it_is_refused_in_the_words_of_the_spec(
    spec: Spec, start: Any, kind: ChannelType, data: Any, words: str
) -> None:
    to = setpoint(spec, start)
    before = to.value
    with pytest.raises(Refused, match=words):
        asyncio.run(write(to, kind, data))
    assert to.value == before
    assert (to.alarm.status, to.alarm.severity) == REFUSED_ALARM


@given(
    st.sampled_from(STARTS),
    st.one_of(
        st.tuples(st.just(ChannelType.STRING), st.lists(st.binary(max_size=39), max_size=2)),
        st.tuples(
            st.just(ChannelType.DOUBLE),
            st.lists(st.floats(), max_size=2).map(lambda values: numbers(*values)),
        ),
        st.tuples(
            st.just(ChannelType.CHAR),
            st.binary(max_size=30).map(lambda data: np.frombuffer(data, "B")),
        ),
    ),
)
async def test_whatever_a_client_writes_is_taken_or_refused_and_reads_as_every_type(
    start: tuple[Spec, Any], written: tuple[ChannelType, Any]
) -> None:
    to = setpoint(*start)
    try:
        await write(to, *written)
    except Refused:
        assert (to.alarm.status, to.alarm.severity) == REFUSED_ALARM
    await to.read(ChannelType.TIME_STRING)
    await to.read(ChannelType(to.data_type + 28))  # DBR_CTRL_…


async def test_a_put_that_is_refused_later_keeps_value_and_is_forgiven_by_a_good_one() -> None:
    async def put(value: float, _: Client) -> float:
        if value == 5:
            raise Refused("F", value, "not today")
        return value

    to, other = setpoint(FLOAT, 1.0, put), setpoint(FLOAT, 1.0)
    with pytest.raises(Refused, match="not today"):
        await write(to, ChannelType.DOUBLE, numbers(5))
    assert (to.value, to.alarm.severity) == (1.0, AlarmSeverity.MAJOR_ALARM)
    assert other.alarm.severity == AlarmSeverity.NO_ALARM
    await write(to, ChannelType.DOUBLE, numbers(1))
    assert to.alarm.severity == AlarmSeverity.NO_ALARM


async def test_puts_end_in_the_order_of_their_arrival() -> None:
    gates = {2.0: asyncio.Event(), 3.0: asyncio.Event()}

    async def put(value: float, _: Client) -> float:
        await gates[value].wait()
        return value

    to = setpoint(FLOAT, 1.0, put)
    slow = asyncio.create_task(write(to, ChannelType.DOUBLE, numbers(2)))
    await asyncio.sleep(0)
    fast = asyncio.create_task(write(to, ChannelType.DOUBLE, numbers(3)))
    gates[3.0].set()
    await asyncio.sleep(0)
    assert not fast.done()
    gates[2.0].set()
    await asyncio.gather(slow, fast)
    assert to.value == 3.0


@at_virtual_time
async def test_a_put_behind_one_that_does_not_end_is_refused_in_time_and_never_done() -> None:
    gate, done = asyncio.Event(), []

    async def put(value: float, _: Client) -> float:
        await gate.wait()
        done.append(value)
        return value

    to = setpoint(FLOAT, 1.0, put)
    slow = asyncio.create_task(write(to, ChannelType.DOUBLE, numbers(2)))
    await asyncio.sleep(0)
    with pytest.raises(Refused, match="earlier puts to it have not ended within 30 s"):
        await write(to, ChannelType.DOUBLE, numbers(3))
    gate.set()
    await slow
    await write(to, ChannelType.DOUBLE, numbers(4))
    assert done == [2.0, 4.0]


async def test_a_command_is_on_while_it_is_done() -> None:
    seen = []

    async def put(value: bool, _: Client) -> bool:
        seen.append((value, to.value))
        return False

    to = setpoint(COMMAND, False, put)
    await write(to, ChannelType.LONG, np.array([1], ">i4"))
    assert seen == [(True, "Do")]
    assert to.value == "Done"


def test_what_is_only_read_refuses_clients() -> None:
    reading = channel(FLOAT, 1.0)
    assert reading.check_access("host", "user") == AccessRights.READ
    assert reading.get_field("EGU").check_access("host", "user") == AccessRights.READ
    with pytest.raises(Forbidden):
        asyncio.run(write(reading, ChannelType.DOUBLE, numbers(2)))


class Queue:
    """What caproto gives updates to."""

    def __init__(self) -> None:
        self.updates = 0

    async def put(self, _: object) -> None:
        self.updates += 1


async def subscribed(to: PvChannel) -> Queue:
    queue = Queue()
    spec = SubscriptionSpec(to, "TIME_DOUBLE", 7, ChannelFilter(None, None, None, None))
    await to.subscribe(queue, spec, None)
    queue.updates = 0
    return queue


async def test_a_scalar_is_sent_only_if_it_or_its_alarm_changed() -> None:
    reading = channel(FLOAT, 1.0)
    queue = await subscribed(reading)
    gone = DISCONNECTED_ALARM
    for value, alarm, sent in (
        (1.0, NO_ALARM, 0),
        (2.0, NO_ALARM, 1),
        (2.0, None, 1),
        (2.0, gone, 2),
        (2.0, gone, 2),
        (2.0, NO_ALARM, 3),
    ):
        await reading.publish_value(value, alarm=alarm)
        assert queue.updates == sent
    await reading.publish_alarm(gone)
    await reading.publish_alarm(gone)
    assert queue.updates == 4


async def test_an_alarm_that_changes_has_the_time_given_with_it_if_the_value_stays() -> None:
    number, same = channel(Float(pv="Number", description=""), 0.0), 7.5
    for second, alarm in ((1, NO_ALARM), (2, NO_ALARM), (3, DISCONNECTED_ALARM)):
        await number.publish_value(same, second * 1_000_000_000 + YEAR_2000_NS, alarm)
    stamped_s = number.epics_timestamp.secondsSinceEpoch
    assert stamped_s == timestamp(3_000_000_000 + YEAR_2000_NS).secondsSinceEpoch
    assert (number.alarm.status, number.alarm.severity) == DISCONNECTED_ALARM


async def test_an_array_takes_new_lengths_units_and_the_time_of_its_pulse() -> None:
    reading = channel(ARRAY, None, max_length=10)
    assert len(reading.value) == 0
    unit = reading.get_field("EGU")
    for length in (3, 7, 0):
        await reading.publish_units("us")
        await reading.publish_value(np.arange(length), 1_700_000_000_000_000_001)
        _, values = await reading.read(ChannelType.TIME_DOUBLE)
        assert values.tolist() == list(range(length))
    assert unit.value == "us"
    assert reading.max_subscription_backlog == 2
    held = reading.epics_timestamp
    assert (held.secondsSinceEpoch, held.nanoSeconds) == (1_700_000_000 - 631_152_000, 1)


def test_limits_are_shown_as_pairs_only() -> None:
    assert (channel(FLOAT, 1.0).lower_ctrl_limit, channel(FLOAT, 1.0).upper_disp_limit) == (0, 10)
    assert (channel(INTEGER, 1).lower_ctrl_limit, channel(INTEGER, 1).upper_ctrl_limit) == (
        1,
        2**31 - 1,
    )
    free = channel(Float(pv="F", description="", minimum=3), 1.0)
    assert free.lower_ctrl_limit == free.upper_ctrl_limit == 0


def test_a_channel_has_the_fields_of_its_record_and_no_others() -> None:
    text = channel(WORD, "x", name="P:T")
    assert text.get_field("NAME").value == "P:T"
    assert text.get_field("VAL") is text
    for field in ("EGU", "NONE"):
        with pytest.raises(KeyError):
            text.get_field(field)


def test_a_kind_without_a_channel_is_an_error() -> None:
    with pytest.raises(TypeError, match="no channel for Spec X"):
        channel(Spec(pv="X", description=""), 0)


def test_times_are_exact_and_none_before_epics() -> None:
    assert timestamp(0).secondsSinceEpoch == 0
    assert timestamp(1_700_000_000_123_456_789).nanoSeconds == 123_456_789


@pytest.mark.parametrize("spec", [FLOAT, SWITCH, WORD, TEXT, ARRAY])
def test_no_channel_keeps_more_than_two_updates_for_a_subscriber(spec: Spec) -> None:
    value = dict(STARTS).get(spec)
    assert channel(spec, value, max_length=9).max_subscription_backlog <= 2
