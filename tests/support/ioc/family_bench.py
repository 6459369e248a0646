"""Reports of slices and groups with a peak, and what is computed of them."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ioc.posting.family_analysis import FamilyAnalysis
from reduction.control.reports import RanksReport
from reduction.parameters.detectors import DetectorSettings
from reduction.parameters.reduction import FilterSettings, ReductionSettings
from reduction.parameters.windows import WindowSettings
from tests.support.ioc.publisher_bench import PublisherBench, report

SETTINGS = ReductionSettings(
    bin_params="1,0.005,3",
    filter=FilterSettings("pressure", 0.0, 1.0, 3.0),
    detectors=DetectorSettings(groups="0:499;500:999"),
    regions=(WindowSettings(1.8, 2.4),) + (WindowSettings(),) * 7,
    peaks=(WindowSettings(1.8, 2.4),) + (WindowSettings(),) * 3,
)
EDGES = SETTINGS.edges
CENTRES = 0.5 * (EDGES[1:] + EDGES[:-1])
HEIGHTS = np.array([[900, 300], [1200, 100], [0, 0]])
SHAPE = np.exp(-0.5 * ((CENTRES - 2.1) / 0.02) ** 2)
CELLS = np.random.default_rng(5).poisson(10 + HEIGHTS[:, :, None] * SHAPE)
"""Three slices, of which the last one has no peak, and two groups."""

SECONDS = (20.0, 30.0, 7.0)
TIME_NS = 10**18 + 7
PEAK, REGION = "Red1:Peak1:Slices:Centre_RBV", "Red1:ROI1:Slices:Total_RBV"


def cells_report(
    bench: PublisherBench, cells: NDArray[Any] = CELLS, time_ns: int = TIME_NS
) -> RanksReport:
    said, edges = report(bench.order), EDGES[: cells.shape[2] + 1]
    seconds = SECONDS[: len(cells)]
    more: dict[str, Any] = {"counts": cells, "seconds": seconds, "edges": edges}
    results = tuple(dataclasses.replace(each, **more) for each in said.results)
    return dataclasses.replace(said, results=results, pulse_time_ns=time_ns)


def changed(bench: PublisherBench, *, maximum: float) -> None:
    """The next generation, with another end of the first peak and the first region."""
    (order,) = bench.order.reductions
    window = WindowSettings(1.8, maximum)
    settings = dataclasses.replace(
        order.settings, peaks=(window, *SETTINGS.peaks[1:]), regions=(window, *SETTINGS.regions[1:])
    )
    order = dataclasses.replace(order, generation=order.generation + 1, settings=settings)
    bench.order = dataclasses.replace(bench.order, reductions=(order,))


@contextlib.asynccontextmanager
async def running(families: FamilyAnalysis) -> AsyncIterator[None]:
    task = asyncio.create_task(families.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def until(bench: PublisherBench, name: str, likes: Callable[[Any], Any]) -> Any:
    """The value of a channel, asked for by this, once a test likes it."""
    channel, news = bench.database.channels[f"P:{name}"], asyncio.Event()
    channel.watchers.add(news.set)
    async with asyncio.timeout(20):
        while not likes(np.asarray(channel.value)):
            await news.wait()
            news.clear()
    return bench.get(name)


def numbers(values: Any) -> bool:
    return bool(values.size and np.isfinite(values).any())
