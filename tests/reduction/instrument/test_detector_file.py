"""What an order carries of a file comes out as it went in, whatever bytes come."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reduction.control.encoding import decoded, encoded
from reduction.control.orders import RanksOrder
from reduction.instrument.detector_file import DetectorColumns, DetectorFile, DetectorFileKind


def columns_of(seed: int, rows: int) -> DetectorColumns:
    rng = np.random.default_rng(seed)
    ids = np.unique(rng.integers(-(2**31), 2**31 - 1, rows)).astype(np.int32)
    n = ids.size
    return DetectorColumns.of(
        ids,
        difc=np.where(rng.random(n) < 0.1, np.nan, rng.uniform(1, 1e5, n)),
        difa=rng.normal(0, 10, n),
        tzero=np.zeros(n) if seed % 2 else rng.normal(0, 10, n),
        masked=rng.random(n) < 0.5,
        group=rng.integers(-1, 9, n).astype(np.int32),
    )


def check_equal(one: DetectorColumns, other: DetectorColumns) -> None:
    for name, values in vars(one).items():
        np.testing.assert_array_equal(getattr(other, name), values, err_msg=name)
        assert getattr(other, name).dtype == values.dtype


@pytest.mark.parametrize("rows", [0, 1, 1000])
@pytest.mark.parametrize("seed", [1, 2])
def test_columns_come_out_of_an_order_as_they_went_in(seed: int, rows: int) -> None:
    columns = columns_of(seed, rows)
    file = DetectorFile(DetectorFileKind.CALIBRATION, "0" * 64, columns.packed())
    order = decoded(RanksOrder, encoded(RanksOrder(files=(file,))))
    assert order.files == (file,)
    check_equal(columns, order.files[0].columns)


def test_what_a_file_selects_is_kept_without_constants_and_cannot_be_changed() -> None:
    columns = columns_of(1, 10)
    file = DetectorFile(DetectorFileKind.MASK, "", columns.packed())
    kept = file.selection
    assert file.selection is kept
    for name in ("detector_id", "masked", "group"):
        np.testing.assert_array_equal(getattr(kept, name), getattr(columns, name))
    assert kept.difc.size == kept.difa.size == kept.tzero.size == 0
    with pytest.raises(ValueError, match="read-only"):
        kept.group[0] = 1


def test_a_file_of_constants_alone_selects_nothing() -> None:
    ids = np.arange(5, dtype=np.int32)
    file = DetectorFile(
        DetectorFileKind.CALIBRATION, "", DetectorColumns.of(ids, difc=np.ones(5)).packed()
    )
    assert not any(each.size for each in vars(file.selection).values())


@given(content=st.binary(max_size=200))
def test_other_bytes_are_no_columns(content: bytes) -> None:
    for each in (content, zlib.compress(content), zlib.compress(b"PK\3\4" + content)):
        with pytest.raises(ValueError, match="not the columns of a detector file"):
            DetectorColumns.unpacked(each)
