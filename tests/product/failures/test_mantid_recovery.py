"""Ranks with the Mantid engine that are killed go on with what was accumulated."""

from __future__ import annotations

import pytest

from tests.support.clients.ca_client import Network
from tests.support.engines.tried import imported
from tests.support.product.recovery import Recovery


@pytest.mark.mantid
@pytest.mark.timeout(300)
def test_a_killed_rank_or_ioc_loses_no_event_and_counts_none_twice(net: Network) -> None:
    imported()
    with Recovery.begun(net, 1, "--engine=mantid") as story:
        story.put("Red1:BinParams", "0.5,0.01,3", "-S")
        story.kill("rank")
        story.check()
        story.pause()
        story.put("NextSeries", "1")
        story.kill("IOC")
        story.check()
        assert "mantid" in story.running.get("Engine_RBV")
        for setting, value in (("Max", "27.6"), ("Min", "26.4"), ("Step", "0.4")):
            story.put(f"Red1:Filter:{setting}", value)
        story.put("Red1:Filter:Log", "proton_charge", "-S")
        story.kill("rank")
        story.check()
