"""Chunks that are lost are counted whatever their ids are, at a bounded cost."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reduction.messages.contents import Chunk, encode_chunk, encode_pulse_mark
from reduction.stream.faults import Faults
from reduction.stream.pulse_assembler import PulseAssembler
from tests.support.cost import costs_at_most

START_NS = 1_767_225_600_000_000_000
PERIOD_NS = 71_428_571

IDS: dict[str, Callable[[int], int]] = {
    "counter": lambda nth: nth,
    "zeros": lambda _nth: 0,
    "time in ns": lambda nth: START_NS + nth * 23_809_524,
    "time in us": lambda nth: START_NS // 1000 + nth * 23_810,
    "time in ms": lambda nth: START_NS // 10**6 + nth * 24,
    "a counter of several partitions": lambda nth: 7 + 5 * nth,
    "a counter that goes down": lambda nth: 10**6 - nth,
    "scattered": lambda nth: (nth * 2_654_435_761) % 2**32,
}

A_PULSE = 3


def chunk(message_id: int, pulse: int, value: int) -> bytes:
    """A chunk of two events, by which it can be told from others."""
    events = np.array([value, value + 1], np.int32)
    at_ns = START_NS + pulse * PERIOD_NS
    return encode_chunk(Chunk("bank", message_id, at_ns, events, events))


def heard(
    ids: Callable[[int], int], pulses: int, lost: Set[int] = frozenset(), joined: int = 0
) -> PulseAssembler:
    """An assembler after ``pulses`` of three chunks each, without those that are ``lost``."""
    assembler = PulseAssembler([0], lambda: START_NS + 10**12)
    for pulse in range(joined, joined + pulses):
        for nth in range(pulse * A_PULSE, (pulse + 1) * A_PULSE):
            if nth not in lost:
                assembler.take(0, chunk(ids(nth), pulse, nth))
        at_ns = START_NS + pulse * PERIOD_NS
        assembler.take(0, encode_pulse_mark(pulse, at_ns, (pulse + 1) * A_PULSE))
    return assembler


@pytest.mark.parametrize("joined", [0, 500])
@pytest.mark.parametrize("ids", IDS.values(), ids=IDS.keys())
def test_nothing_is_lost_where_nothing_is_whatever_ids_are(
    ids: Callable[[int], int], joined: int
) -> None:
    assembler = heard(ids, 20, joined=joined)
    assert assembler.faults == Faults()
    assert assembler.incomplete == []
    assert len(assembler.pending) == 20 * A_PULSE
    late = 0 if joined == 0 else 1
    assert assembler.complete_from_ns == START_NS + joined * PERIOD_NS + late


@given(st.sampled_from(list(IDS)), st.sets(st.integers(A_PULSE, 10 * A_PULSE - 1), max_size=12))
def test_lost_chunks_are_counted_and_their_pulses_are_incomplete_whatever_ids_are(
    name: str, lost: set[int]
) -> None:
    assembler = heard(IDS[name], 10, lost)
    assert assembler.faults == Faults(missing=len(lost))
    pulses = {nth // A_PULSE for nth in lost}
    assert {n for first, last in assembler.incomplete for n in range(first, last + 1)} == pulses
    assert len(assembler.pending) == 10 * A_PULSE - len(lost)


@given(st.permutations(range(A_PULSE, 5 * A_PULSE)))
def test_lost_chunks_that_come_late_are_lost_no_more(lost: list[int]) -> None:
    missing = set(lost[::2])
    assembler = heard(IDS["counter"], 6, missing)
    for nth in lost[::2]:
        assembler.take(0, chunk(nth, nth // A_PULSE, nth))
    assert assembler.faults == Faults(out_of_order=len(missing))
    assert assembler.incomplete == []
    assert len(assembler.pending) == 6 * A_PULSE


@pytest.mark.parametrize("far", [2**40, 200_000, 10**6, 0, 5])
def test_one_id_that_is_far_off_costs_nothing_and_what_follows_is_known_by_its_ids(
    far: int,
) -> None:
    assembler = heard(lambda nth: far if nth == 13 else nth, 8, {19})
    assert assembler.faults.missing == 1
    assert assembler.incomplete == [(6, 6)]
    assembler.take(0, chunk(19, 6, 19))
    assert (assembler.faults.missing, assembler.incomplete) == (0, [])


@pytest.mark.parametrize("ids", IDS.values(), ids=IDS.keys())
def test_a_chunk_of_a_pulse_that_lacks_nothing_is_not_taken(ids: Callable[[int], int]) -> None:
    assembler = heard(ids, 8)
    assembler.take(0, chunk(ids(24), 3, 99))
    assert assembler.faults == Faults(bad_time=1)
    assert len(assembler.pending) == 8 * A_PULSE


def test_far_ids_and_counts_cost_no_more_than_others() -> None:
    assembler = heard(IDS["counter"], 8)
    rng: Any = np.random.default_rng(3)
    messages = []
    for nth in range(1000):
        far = int(rng.choice([2**40, 2**62, 200_000, 10**7])) + nth
        messages.append(chunk(far, 8 + nth, nth))
        messages.append(encode_pulse_mark(8 + nth, START_NS + (8 + nth) * PERIOD_NS, far))
    with costs_at_most(5):  # each took up to seconds when ids were kept singly
        for message in messages:
            assembler.take(0, message)
