"""An instrument with few detectors whose ids are far apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reduction.instrument.geometry import Instrument
from tests.support.clients.ca_client import Network
from tests.support.product.live import live

pytestmark = pytest.mark.timeout(360)

ID_RANGE_BYTES = 20_000_000 * 28
"""What tables with a row for each id would take."""


def test_masks_take_moments_and_little_memory(net: Network, tmp_path: Path) -> None:
    table = tmp_path / "far.npz"
    ids = np.array([1, 2, 3, 20_000_000], np.int32)
    places = np.array([[1.0, 0, z] for z in range(4)])
    Instrument("far", ids, places, np.zeros(4, np.bool_), 10.0).save(table)
    with live(net, f"--instrument={table}") as running:
        before = running.number("EventTotal_RBV")
        for mask in ("2", "2:20000000", "20000000"):
            assert running.put("Red1:Mask", mask, "-S").returncode == 0
        running.until(lambda: running.number("EventTotal_RBV") > before + 1000)
        assert running.number("Red1:Spec:Total_RBV") > 0
        assert running.number("Red1:EventsBadPixel_RBV") == 0
        assert running.number("Restarts_RBV") == 0
        ranks = [each for each in running.family("ioc ranks --") if "python" in each.name()]
        assert max(each.memory_info().rss for each in ranks) < ID_RANGE_BYTES
