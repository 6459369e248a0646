"""Kills, stops, full disks, steps of the clock, junk, wild puts and slow clients, all at once."""

from __future__ import annotations

import pytest

from tests.support.chaos.rounds import chaos
from tests.support.clients.ca_client import Network

SEED = 5
KILLS = "", "rank", "simulator", "IOC"
MOST_GROWTH_BYTES = 150e6


@pytest.mark.timeout(600)
def test_whatever_happens_at_once_no_event_is_lost_and_nothing_is_left(net: Network) -> None:
    with chaos(net, SEED) as run:
        for kill in KILLS:
            run.round(kill)
        assert run.looks == len(KILLS)
        assert run.unbalanced == 0
        assert run.most_growth_bytes < MOST_GROWTH_BYTES
        assert run.puts > 0
        run.check()
        run.end()
