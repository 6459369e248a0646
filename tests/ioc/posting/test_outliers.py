"""Dead and hot detectors are shown if they are searched for; one put masks them, one puts back."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from ioc.posting.outlier_readings import outlier_readings
from reduction.control.reports import OutliersFound
from reduction.parameters.outliers import LONGEST_FOUND
from tests.support.clients.ca_client import network
from tests.support.ioc.ioc_bench import Ioc


@pytest.fixture(scope="module")
def ioc() -> Iterator[Ioc]:
    with network() as net, Ioc(net) as ioc:
        yield ioc


@pytest.fixture
def searched(ioc: Ioc) -> Iterator[None]:
    """Detectors beyond five sigmas are searched for."""
    assert ioc.put("Red1:Outliers:Sigmas", "5").returncode == 0
    ioc.until(lambda: ioc.get("Red1:Outliers:NumDead_RBV") == "2")
    yield
    ioc.put("Red1:Outliers:Sigmas", "0")


def test_there_is_no_search_at_first(ioc: Ioc) -> None:
    assert ioc.get("Red1:Outliers:NumDead_RBV.SEVR") == "INVALID"
    refused = ioc.put("Red1:Outliers:Mask", "1")
    assert refused.returncode != 0
    assert "no dead or hot detector is found" in ioc.get("Refusal_RBV", "-S")


@pytest.mark.usefixtures("searched")
def test_what_is_found_is_listed_as_a_mask_takes_it(ioc: Ioc) -> None:
    assert ioc.get("Red1:Outliers:Dead_RBV", "-S") == "3,500"
    assert ioc.get("Red1:Outliers:Hot_RBV", "-S") == "7:9,901"
    assert ioc.get("Red1:Outliers:NumHot_RBV") == "4"
    assert ioc.get("Red1:Outliers:NumTested_RBV") == "1000"
    assert ioc.get("Red1:Outliers:NumDead_RBV.SEVR") == "NO_ALARM"


@pytest.mark.usefixtures("searched")
def test_one_put_masks_them_and_one_puts_the_mask_back(ioc: Ioc) -> None:
    assert ioc.put("Red1:Mask", "100:120").returncode == 0
    assert ioc.put("Red1:Outliers:Mask", "1").returncode == 0
    assert ioc.get("Red1:Mask_RBV", "-S") == "100:120,3,500,7:9,901"
    assert ioc.get("Red1:Mask", "-S") == "100:120,3,500,7:9,901"
    assert ioc.put("Red1:Outliers:Unmask", "1").returncode == 0
    assert ioc.get("Red1:Mask_RBV", "-S") == "100:120"
    assert ioc.put("Red1:Outliers:Unmask", "1").returncode != 0
    assert "nothing was masked by Outliers:Mask" in ioc.get("Refusal_RBV", "-S")
    ioc.put("Red1:Mask", "")


def test_what_is_no_longer_searched_for_is_gone(ioc: Ioc) -> None:
    assert ioc.put("Red1:Outliers:Sigmas", "4").returncode == 0
    ioc.until(lambda: ioc.get("Red1:Outliers:NumDead_RBV") == "2")
    assert ioc.put("Red1:Outliers:Sigmas", "0").returncode == 0
    ioc.until(lambda: ioc.get("Red1:Outliers:NumDead_RBV.SEVR") == "INVALID")
    assert ioc.put("Red1:Outliers:Mask", "1").returncode != 0


def test_a_list_that_is_too_long_has_whole_ids_and_the_number_of_all() -> None:
    ids = np.arange(0, 40_000, 2, dtype=np.int32)
    found = outlier_readings(OutliersFound(ids, ids[:0], tested=10**6))
    assert (found.dead_count, found.hot_count, found.hot) == (20_000, 0, "")
    assert LONGEST_FOUND - 7 < len(found.dead) <= LONGEST_FOUND
    listed = [int(each) for each in found.dead.split(",")]
    assert listed == ids[: len(listed)].tolist()
