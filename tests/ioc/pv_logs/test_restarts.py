"""Ranks and IOCs that are started again slice old pulses as they were sliced before."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from pathlib import Path

import pytest

from ioc.pv_logs.log_history import PvLogHistory
from ioc.pv_logs.log_store import LogStore
from reduction.parameters.reduction import FilterSettings, ReductionSettings
from reduction.parameters.units import Units
from tests.support.ranks.one_rank import FedRank, counts_and_charges, pulse_ns

BY_FURNACE = ReductionSettings(
    Units.TOF, "1000,59000,60000", filter=FilterSettings("furnace", 0, 10, 60)
)


def no_damage(path: Path) -> str:
    raise AssertionError(f"{path} was set aside")


def kept(path: Path) -> PvLogHistory:
    return PvLogHistory(LogStore.opened(path, no_damage))


@pytest.mark.parametrize("offset_s", [0.0, -2.0, -3600.0, 3600.0, -(10.0**9)])
@pytest.mark.parametrize("seed", range(3))
def test_every_pulse_is_in_the_slice_it_was_in(offset_s: float, seed: int, tmp_path: Path) -> None:
    rng, path = random.Random(seed), tmp_path / "pv-logs"
    history = kept(path)
    fed = FedRank(BY_FURNACE, pulse_ns(100), history)
    for pulse in range(100):
        if pulse % 7 == 0 or rng.random() < 0.2:
            stamp_ns = pulse_ns(pulse) - rng.randrange(10**8) + int(offset_s * 10**9)
            fed.process_variable("furnace", stamp_ns, rng.choice([5.0, 15.0, 25.0, 45.0, 99.0]))
        fed.pulses([pulse])
    live = counts_and_charges(fed.report())
    assert sum(counts for counts, _ in live) > 500

    ranks = FedRank(BY_FURNACE, pulse_ns(200), history)
    ranks.pulses(range(100))
    assert counts_and_charges(ranks.report()) == live

    both = FedRank(BY_FURNACE, pulse_ns(200), kept(path))
    both.pulses(range(100))
    assert counts_and_charges(both.report()) == live
    asyncio.run(history.close())


def test_a_filter_that_is_put_back_slices_old_pulses_by_old_values() -> None:
    history = PvLogHistory()
    fed = FedRank(BY_FURNACE, pulse_ns(100), history)
    fed.process_variable("furnace", pulse_ns(0), 5.0)
    fed.pulses(range(10))
    fed.process_variable("furnace", pulse_ns(10), 15.0)
    fed.recorder.missed("furnace")  # it is not followed any more
    fed.pulses(range(10, 30))
    plain = replace(BY_FURNACE, filter=FilterSettings())
    ranks = FedRank(plain, pulse_ns(100), history)
    ranks.pulses(range(30))
    assert counts_and_charges(ranks.report()) == [(300, 30.0)]
    ranks.process_variable("furnace", pulse_ns(20), 25.0)  # the value that was found then
    order = ranks.report()
    (reduction,) = ranks.report(
        reductions=(replace(order.results[0].order, generation=1, settings=BY_FURNACE),)
    ).results
    assert reduction.counts is not None
    assert reduction.counts.sum(axis=(1, 2)).tolist()[:3] == [100, 100, 100]


def test_a_change_while_the_ioc_was_gone_holds_since_its_stamp(tmp_path: Path) -> None:
    first = FedRank(BY_FURNACE, pulse_ns(300), kept(tmp_path / "pv-logs"))
    first.process_variable("furnace", pulse_ns(0), 5.0)
    first.pulses(range(100))
    first.process_variable("furnace", pulse_ns(100), 5.5)
    second = FedRank(BY_FURNACE, pulse_ns(300), kept(tmp_path / "pv-logs"))
    second.pulses(range(250))
    second.process_variable("furnace", pulse_ns(150), 15.0)
    assert second.recorder.problem == ""
    assert counts_and_charges(second.report())[:2] == [(1500, 150.0), (1000, 100.0)]
    second.process_variable("furnace", pulse_ns(160), 25.0)  # now it is monitored: 6 s late
    assert "its time is 6.4 s behind the pulses" in second.recorder.problem
    assert counts_and_charges(second.report())[:2] == [(1500, 150.0), (1000, 100.0)]


def test_a_wrong_clock_does_not_move_what_was_before_the_ioc_went(tmp_path: Path) -> None:
    first = FedRank(BY_FURNACE, pulse_ns(300), kept(tmp_path / "pv-logs"))
    first.process_variable("furnace", pulse_ns(-5000), 5.0)
    first.pulses(range(100))
    first.process_variable("furnace", pulse_ns(-4950), 15.0)
    second = FedRank(BY_FURNACE, pulse_ns(300), kept(tmp_path / "pv-logs"))
    second.pulses(range(150))
    second.process_variable("furnace", pulse_ns(-4950), 15.0)  # the same value as before
    second.process_variable("furnace", pulse_ns(-4900), 25.0)
    second.pulses(range(150, 200))
    assert counts_and_charges(second.report())[:3] == [(1000, 100.0), (500, 50.0), (500, 50.0)]
