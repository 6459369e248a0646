"""What Mantid loads is the saved result; the tests that read it need Mantid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from reduction.files.mantid_writer import mantid_contents
from reduction.files.save import save_together
from reduction.files.saved_result import SavedResult
from reduction.parameters.file_names import FileNaming
from reduction.parameters.units import Units
from tests.support.results.saved_sample import corrected, names, sample

LOGARITHMIC = np.geomspace(0.4, 5, 41)
RESULTS = {
    "one spectrum": sample(),
    "groups, logarithmic bins": sample(groups=3, edges=LOGARITHMIC),
    "slices": corrected(),
    "faded": sample(groups=2, variances=np.full((1, 2, 40), 0.25)),
    "odd names": sample(groups=4, group_names=("a\nb", "", " ", "Å, [3;4)"), title="Å"),
    **{f"in {units}": sample(units=units) for units in Units},
}


@pytest.fixture(scope="session")
def mantid() -> Any:
    """Mantid's framework."""
    framework = pytest.importorskip("reduction.engines.mantid.framework")
    try:
        return framework.MantidFramework.imported()
    except framework.NoMantid as missing:
        pytest.skip(str(missing))


def loaded(mantid: Any, result: SavedResult, folder: Path, algorithm: str) -> list[Any]:
    """The workspaces of a saved result."""
    save_together({"": result}, folder, FileNaming("si"), mantid=True)
    found = mantid.run(algorithm, Filename=str(folder / "si_mantid.nxs"))
    if hasattr(found, "getItem"):
        # Mantid frees them with their group.
        members = [found.getItem(number) for number in range(found.size())]
        return [mantid.run("CloneWorkspace", InputWorkspace=each) for each in members]
    return [found]


@pytest.mark.mantid
@pytest.mark.parametrize("algorithm", ["LoadNexusProcessed", "Load"])
@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
def test_mantid_loads_edges_counts_errors_and_unit(
    mantid: Any, tmp_path: Path, result: SavedResult, algorithm: str
) -> None:
    workspaces = loaded(mantid, result, tmp_path, algorithm)
    assert len(workspaces) == len(result.counts)
    for workspace, counts, variances in zip(
        workspaces, result.counts, result.variances, strict=True
    ):
        assert workspace.isHistogramData()
        assert not workspace.isDistribution()
        assert workspace.getAxis(0).getUnit().unitID() == result.units
        assert workspace.YUnit() == "Counts"
        assert workspace.getNumberHistograms() == len(counts)
        for group in range(len(counts)):
            np.testing.assert_array_equal(workspace.readX(group), result.edges)
            np.testing.assert_array_equal(workspace.readY(group), counts[group])
            np.testing.assert_array_equal(workspace.readE(group), np.sqrt(variances[group]))


@pytest.mark.mantid
def test_each_spectrum_has_the_name_of_its_group(mantid: Any, tmp_path: Path) -> None:
    (workspace,) = loaded(mantid, RESULTS["odd names"], tmp_path, "LoadNexusProcessed")
    axis = workspace.getAxis(1)
    assert [axis.label(n) for n in range(4)] == ["a b", "group 2", "group 3", "Å, [3;4)"]
    assert workspace.getTitle() == "Å"


@pytest.mark.mantid
def test_each_slice_is_divided_by_its_own_charge(mantid: Any, tmp_path: Path) -> None:
    result = corrected()
    for workspace, counts, totals in zip(
        loaded(mantid, result, tmp_path, "LoadNexusProcessed"),
        result.counts,
        result.slice_totals,
        strict=True,
    ):
        made = mantid.run("NormaliseByCurrent", InputWorkspace=workspace)
        charge_uah = totals.proton_charge_uc / 3600
        np.testing.assert_allclose(made.readY(0), counts[0] / charge_uah)
        assert workspace.getRun().getProperty("monitor_counts").value == 100
        assert "Sim:Temperature in [" in workspace.getTitle()


def entries(result: SavedResult, folder: Path) -> Any:
    path = folder / "a.nxs"
    path.write_bytes(mantid_contents(result, path))
    return h5py.File(path)


def test_each_slice_is_an_entry_with_its_own_logs(tmp_path: Path) -> None:
    result = replace(corrected(), slice_log_units="K")
    with entries(result, tmp_path) as file:
        assert [*file] == ["mantid_workspace_1", "mantid_workspace_2", "mantid_workspace_3"]
        for entry, counts, totals in zip(
            file.values(), result.counts, result.slice_totals, strict=True
        ):
            np.testing.assert_array_equal(entry["workspace/values"], counts)
            charge = entry["logs/gd_prtn_chrg/value"][0]
            assert charge == totals.proton_charge_uc / 3600
        assert entry["logs/slice_lower/value"][0] == 300
        assert entry["logs/slice_log_units/value"][0] == b"K"


def test_slices_whose_charge_is_not_known_have_none(tmp_path: Path) -> None:
    with entries(sample(slices=2), tmp_path) as file:
        assert "gd_prtn_chrg" not in file["mantid_workspace_1/logs"]
    with entries(sample(), tmp_path) as file:
        assert file["mantid_workspace_1/logs/gd_prtn_chrg/value"][0] == 812.5 / 3600


def test_a_text_that_cannot_be_stored_is_refused_and_no_file_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot write .*si_mantid\.nxs: a text has a NUL"):
        save_together({"": sample(title="a\0")}, tmp_path, FileNaming("si"), mantid=True)
    assert names(tmp_path) == []


def test_the_same_result_makes_the_same_bytes(tmp_path: Path) -> None:
    made = [mantid_contents(corrected(), tmp_path / "a.nxs") for _ in range(2)]
    assert made[0] == made[1]
