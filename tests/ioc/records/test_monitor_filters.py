"""Which updates pass the filters in the name of a channel."""

from __future__ import annotations

import numpy as np
import pytest

from ioc.records.channel_names import channel_name
from ioc.records.monitor_filters import FilteredMonitor


# What a softIoc of EPICS Base 7 sends of these values, the first one at the start of the monitor.
@pytest.mark.parametrize(
    ("filters", "sent"),
    [
        ('{"dec":{"n":3}}', [295, 1.5, 3, 4.5]),
        ('{"dec":{"n":2},"dbnd":{"abs":1}}', [295, 1, 3]),
        ('{"dbnd":{"abs":1},"dec":{"n":2}}', [295, 2]),
        ('{"utag":{"M":1,"V":0}}', [295, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5]),
        ('{"utag":{"M":1,"V":1}}', [295]),
    ],
)
def test_filters_are_passed_in_their_order(filters: str, sent: list[float]) -> None:
    monitor = FilteredMonitor(channel_name(f"P:F.{filters}").filter.monitors)
    values = [295, *np.arange(0.5, 5, 0.5)]
    assert [value for value in values if monitor.passes(value, not_only_value=False)] == sent


def test_an_alarm_passes_a_deadband_and_is_counted_by_dec() -> None:
    monitor = FilteredMonitor(channel_name('P:F.{"dbnd":{"abs":1},"dec":{"n":2}}').filter.monitors)
    alarms = (False, True, False, True, False)
    passed = [monitor.passes(5, not_only_value=alarm) for alarm in alarms]
    assert passed == [True, False, False, True, False]
