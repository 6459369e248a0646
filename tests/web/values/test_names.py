"""Which process variables visitors may read and write."""

from __future__ import annotations

import pytest

from ioc.model.pvs import pv_rows
from tests.support.documents.pages import ROOT, Page
from web.values.names import NameRefused, WebNames, is_expert

NAMES = WebNames("T:", reductions=2)
PAGE = ROOT / "docs" / "how-to" / "web.md"


@pytest.mark.parametrize(
    "written", ["T:Lag_RBV", "pva://T:Lag_RBV", "ca://T:Lag_RBV", "T:Lag_RBV.VAL"]
)
def test_a_name_may_be_written_as_other_clients_write_it(written: str) -> None:
    assert NAMES.find(written).name == "T:Lag_RBV"


@pytest.mark.parametrize(
    "written",
    [
        "",
        "Lag_RBV",
        "U:Lag_RBV",
        "T:Nothing",
        "T:Lag_RBV.DESC",
        "sim://sine",
        "loc://x(4)",
        "T:Red3:BinParams",
        "T:Red1:Slice1001:Y",
        "T:Red1:Slice0:Y",
        "pva://ca://U:A",
        "T:" + "x" * 500,
    ],
    ids=lambda text: text[:20],
)
def test_other_names_are_refused_in_words(written: str) -> None:
    with pytest.raises(NameRefused, match=r"only names|no process variable") as refused:
        NAMES.find(written)
    assert len(str(refused.value)) < 200


def test_every_process_variable_of_the_ioc_may_be_read() -> None:
    for row in pv_rows("T:", 2):
        assert NAMES.find(row.name).row == row
    assert NAMES.find("T:Red2:Slice1000:Y").row is not None


def test_the_result_of_each_reduction_may_be_read() -> None:
    assert NAMES.snapshots == ("T:Red1:Snapshot", "T:Red2:Snapshot")
    assert NAMES.find("pva://T:Red2:Snapshot").write_refusal


def test_readings_are_not_written() -> None:
    assert NAMES.find("T:Lag_RBV").write_refusal == "T:Lag_RBV is read only"
    assert not NAMES.find("T:Red1:BinParams").write_refusal


def test_restarts_lock_and_paths_are_written_only_if_that_is_asked_for() -> None:
    experts = {row.name for row in pv_rows("T:") if is_expert(row)}
    assert {"T:SYSRESET", "T:Lock:Break", "T:File:Path", "T:Red1:Calibration"} <= experts
    for name in experts:
        assert "--web-expert" in NAMES.find(name).write_refusal
        assert not WebNames("T:", 1, expert=True).find(name).write_refusal


def test_texts_that_name_files_hold_paths() -> None:
    described = {
        row.name
        for row in pv_rows("T:")
        if row.access.writable and "File of" in row.spec.description
    }
    assert described
    assert all(is_expert(row) for row in pv_rows("T:") if row.name in described)


def test_the_page_of_the_documentation_lists_what_is_not_written() -> None:
    listed = set(Page(PAGE).code)
    experts = {row.name for row in pv_rows("") if is_expert(row)}
    assert experts <= listed


def test_counts_and_intensities_are_sent_in_single_precision_and_nothing_else() -> None:
    snapshot = NAMES.find("T:Red1:Snapshot")
    assert [snapshot.dtype(each) for each in ("XE", "X", "Y", "YC", "E")] == [
        *("f8", "f8", "f4", "f4", "f4")
    ]
    assert NAMES.find("T:Red1:Slice3:Y").dtype("value") == "f4"
    assert NAMES.find("T:Red1:Spec:XE").dtype("value") == "f8"
    assert NAMES.find("T:Red1:Slices:Middle_RBV").dtype("value") == "f8"
    assert NAMES.find("T:Red1:Image:CellPosX").dtype("value") == "f4"
    assert NAMES.find("T:Red1:Map:XE").dtype("value") == "f8"
