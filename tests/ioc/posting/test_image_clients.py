"""Clients that know areaDetector see the image and the map with rows and columns."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

from reduction.instrument.geometry import powder_arc
from reduction.instrument.layout import detector_layout
from reduction.parameters.images.image import ImageView
from tests.support.clients.ca_client import network
from tests.support.ioc.ioc_bench import Ioc
from tests.support.product.scripts import needs, run_code

LAYOUT = detector_layout(powder_arc(), ImageView.FRONT, 100)
CELLS = np.where(LAYOUT.pixels > 0, LAYOUT.summed(np.arange(1, 1002, dtype=np.int32)), np.nan)
SEEN = [*LAYOUT.shape, int(np.nansum(CELLS)), int(np.nansum(CELLS[0])), int(np.isnan(CELLS).sum())]
"""What clients print of the image: its shape, the sums of all and of the first row, its holes."""

PRINT = """
    import json
    import numpy as np

    def show(image):
        sums = np.nansum(image), np.nansum(image[0]), np.isnan(image).sum()
        print(json.dumps([*image.shape, *map(int, sums)]))
"""


@pytest.fixture(scope="module")
def ioc() -> Iterator[Ioc]:
    with network() as net, Ioc(net, pva=True) as ioc:
        assert ioc.put("Red1:Image:Resolution", "100").returncode == 0
        assert ioc.put("Red1:Image:View", "Front").returncode == 0
        yield ioc


def seen(ioc: Ioc, code: str) -> list[list[int]]:
    """What a client prints with ``show``."""
    said = run_code(ioc, PRINT + code)
    return [json.loads(line) for line in said.splitlines() if line.startswith("[")]


@needs("ophyd", "ophyd")
def test_ophyd_has_the_image_and_the_map_in_rows_and_columns(ioc: Ioc) -> None:
    image, shaped, flat, made_map = seen(
        ioc,
        """
    from ophyd.areadetector.plugins import ImagePlugin
    from clients.ophyd_image import LiveImage

    image = LiveImage("LIVE:Red1:Image:", name="image")
    show(image.image)
    show(image.shaped_image.get())
    plugin = ImagePlugin("LIVE:Red1:Image:", name="plugin")
    height, width = plugin.height.get(), plugin.width.get()
    show(plugin.array_data.get().reshape(height, width))
    show(LiveImage("LIVE:Red1:Map:", name="map").image)
    """,
    )
    assert image == shaped == flat == SEEN
    assert made_map == [100, 4600, 4600 * 4950, 0, 0]


@needs("ophyd_async", "ophyd-async")
def test_ophyd_async_connects_to_all_that_a_plugin_has(ioc: Ioc) -> None:
    image, plain = seen(
        ioc,
        """
    import asyncio
    from ophyd_async.core import EnableDisable
    from ophyd_async.epics.adcore import NDPluginBaseIO
    from clients.ophyd_async_image import LiveImage

    async def main():
        image = LiveImage("LIVE:Red1:Image:", name="image")
        await image.connect(timeout=30)
        show(await image.picture())
        plugin = NDPluginBaseIO("LIVE:Red1:Image:", name="plugin")
        await plugin.connect(timeout=30)
        assert await plugin.enable_callbacks.get_value() == EnableDisable.ENABLE
        sizes = plugin.array_size1, plugin.array_size0
        print(json.dumps([await each.get_value() for each in sizes]))

    asyncio.run(main())
    """,
    )
    assert image == SEEN
    assert plain == SEEN[:2]


@needs("pvaccess", "pvapy")
def test_pvapy_has_an_ntndarray_whose_dimensions_are_columns_and_rows(ioc: Ioc) -> None:
    (image,) = seen(
        ioc,
        """
    import time
    from pvaccess import Channel, NtNdArray

    channel = Channel("LIVE:Red1:Image:Image")
    while not (made := channel.get(""))["dimension"] or not made["attribute"]:
        time.sleep(0.1)
    made = NtNdArray(made)
    columns, rows = (each["size"] for each in made["dimension"])
    (cells,) = made["value"][0].values()
    show(np.asarray(cells).reshape(rows, columns))
    """,
    )
    assert image == SEEN


def test_a_disabled_image_is_made_for_no_client(ioc: Ioc) -> None:
    assert ioc.put("Red1:Map:Made", "Always").returncode == 0
    assert ioc.server.orders.ranks.newest.reductions[0].makes_map
    assert ioc.put("Red1:Map:EnableCallbacks", "Disable").returncode == 0
    assert not ioc.server.orders.ranks.newest.reductions[0].makes_map
    ioc.put("Red1:Map:EnableCallbacks", "Enable")
    ioc.put("Red1:Map:Made", "Watched")
