"""An IOC that is started again with fewer reductions, while the ranks go on."""

from __future__ import annotations

from reduction.control.orders import ReductionOrder, WatchedViews
from reduction.parameters.reduction import ReductionSettings
from tests.support.ranks.one_rank import FedRank


def test_ranks_go_on_and_close_series_when_an_ioc_has_fewer_reductions_than_before() -> None:
    rank, each = FedRank(ReductionSettings()), ReductionOrder()
    rank.pulses(range(4))
    viewed = ReductionOrder(watched=WatchedViews(image=True, map=True))
    assert len(rank.report(reductions=(each, viewed)).results) == 2
    (result,) = rank.report(reductions=(each,)).results
    assert result.status.events_binned + result.status.events_out_of_range > 0
    rank.report(closes=1)
    rank.pulses(range(4, 6))
    report = rank.report()
    assert report.acquisition.series == 2
    assert report.unaccounted == 0
    first, second = rank.report(reductions=(each, each)).results
    assert first.counts is not None
    assert second.counts is not None
    assert first.counts.tolist() == second.counts.tolist()
