"""The command `live-reduction instrument`, and instruments that Mantid reads."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from ioc.app.cli import main
from reduction.definitions.from_mantid import load_instrument
from reduction.definitions.idf_reader import read_definition
from reduction.definitions.sources import read_any_instrument, read_instrument
from reduction.instrument.geometry import Instrument
from tests.support.engines import reference_data as reference
from tests.support.engines.tried import imported

PANELS = reference.FOLDER / "panels.xml"
without_mantid = pytest.mark.skipif(
    importlib.util.find_spec("mantid") is not None, reason="Mantid is here"
)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as end:
        main(["instrument", *arguments])
    assert end.value.code == 2
    return capsys.readouterr().err


def test_an_instrument_is_shown_in_some_lines(capsys: pytest.CaptureFixture[str]) -> None:
    main(["instrument", "show", str(PANELS)])
    assert capsys.readouterr().out.splitlines() == [
        "PANELS: L1 30.18 m, monitors: 1",
        "all: 784 detectors, ids 1000 to 2399, L2 1.75003 to 2.11712 m,"
        " two-theta 82.5126 to 155.168 deg",
        "bank bank90: 384 detectors, ids 1000 to 1383, L2 1.75003 to 1.77634 m,"
        " two-theta 82.5126 to 97.4874 deg",
        "bank bank150: 400 detectors, ids 2000 to 2399, L2 2.10005 to 2.11712 m,"
        " two-theta 144.503 to 155.168 deg",
    ]


def test_a_definition_is_exported_as_a_table_that_says_the_same(tmp_path: Path) -> None:
    table = tmp_path / "panels.npz"
    command = [sys.executable, "-m", "ioc", "instrument", "export", str(PANELS), str(table)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"{table}\n"
    with np.load(table) as columns:
        for name, expected in reference.table("geometry_panels").items():
            np.testing.assert_allclose(columns[name], expected, rtol=0, atol=1e-9)
    assert Instrument.load(table).bank_names == ("bank90", "bank150")
    assert Instrument.load(table).name == "PANELS"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "absent.xml"), "absent.xml: No such file"),
        (("show", "absent.npz"), "absent.npz is no instrument table: No such file"),
        (("export", str(PANELS)), "instrument export SOURCE TABLE.npz"),
        (("export", str(PANELS), "table.xml"), "instrument export SOURCE TABLE.npz"),
        (("show", str(PANELS), "table.npz"), "instrument show SOURCE"),
        (("export", str(PANELS), "/absent/table.npz"), "/absent/table.npz: No such file"),
        (("exprt", str(PANELS)), "action = 'exprt': it is one of show, export; did you mean"),
    ],
)
def test_what_cannot_be_shown_or_exported_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    said = refused(capsys, *arguments)
    assert words in said
    assert said.count("\n") == 1


@without_mantid
def test_without_mantid_what_only_it_reads_is_refused_saying_what_to_install(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    torn, run = tmp_path / "torn.xml", tmp_path / "run.nxs.h5"
    torn.write_text("<instrument>")
    run.touch()
    for source in ("POWGEN", str(torn), str(run)):
        said = refused(capsys, "export", source, str(tmp_path / "table.npz"))
        assert source in said
        assert "which is not installed: see environment.yml" in said
        assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == [torn, run]


def moving(folder: Path) -> Path:
    """A definition of two arms of a detector each, the first at twice the x of a log."""
    path = folder / "moving.xml"
    path.write_text(
        """<instrument name="moving" valid-from="1990-01-01 00:00:00">
<component type="source"><location z="-9"/></component><type name="source" is="Source"/>
<component type="sample"><location z="1"/></component><type name="sample" is="SamplePos"/>
<component type="arm" name="first" idlist="one"><location/>
<parameter name="x">
<logfile id="arm" eq="2*value" extract-single-value-as="last_value"/></parameter>
</component>
<component type="arm" name="second" idlist="two"><location x="-1"/></component>
<type name="arm"><component type="pixel"><location z="2"/></component></type>
<type name="pixel" is="detector"/>
<idlist idname="one"><id val="5"/></idlist><idlist idname="two"><id val="6"/></idlist>
</instrument>"""
    )
    return path


@pytest.mark.mantid
@pytest.mark.parametrize("name", reference.NAMES)
def test_mantid_reads_of_a_definition_what_is_read_without_it(name: str) -> None:
    file = reference.FOLDER / f"{name}.xml"
    here, there = read_definition(file), load_instrument(imported(), file)
    assert there.name.lower() == here.name.lower()
    assert there.detector_id.tolist() == here.detector_id.tolist()
    assert there.is_monitor.tolist() == here.is_monitor.tolist()
    assert there.l1_m == pytest.approx(here.l1_m, abs=1e-9)
    np.testing.assert_allclose(there.position_m, here.position_m, rtol=0, atol=1e-9)
    assert there.bank_names == here.bank_names
    assert there.bank.tolist() == here.bank.tolist()


@pytest.mark.mantid
def test_mantids_own_instruments_are_known_by_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    imported()
    table = tmp_path / "powgen.npz"
    main(["instrument", "export", "POWGEN", str(table)])
    powgen = Instrument.load(table)
    assert powgen.l1_m == 60
    assert powgen.detector_id[powgen.is_monitor].tolist() == [-1]
    assert "bank43" in powgen.bank_names
    assert "NOSUCH: Mantid says: " in refused(capsys, "show", "NOSUCH").splitlines()[-1]


@pytest.mark.mantid
def test_a_definition_that_is_refused_is_read_by_mantid_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    imported()
    path = moving(tmp_path)
    path.write_text(path.read_text().replace('<location x="-1"/>', '<location x="-1" odd="2"/>'))
    found = read_any_instrument(str(path))
    np.testing.assert_allclose(found.position_m, [[0, 0, 1], [-1, 0, 1]], rtol=0, atol=1e-9)
    assert (found.l1_m, found.bank_names) == (10, ("first", "second"))
    assert f"{path}: <location>: attribute 'odd' is not understood" in caplog.text
    assert "with moving components at their positions without logs" in caplog.text


@pytest.mark.mantid
def test_what_moves_is_in_a_runs_file_where_its_logs_have_it(tmp_path: Path) -> None:
    imported()
    file = tmp_path / "run.nxs.h5"
    with h5py.File(file, "w") as run:
        for group, kind in (
            ("entry", "NXentry"),
            ("entry/bank1_events", "NXevent_data"),
            ("entry/instrument", "NXinstrument"),
            ("entry/instrument/instrument_xml", "NXnote"),
            ("entry/DASlogs", "NXcollection"),
            ("entry/DASlogs/arm", "NXlog"),
        ):
            run.create_group(group).attrs["NX_class"] = np.bytes_(kind)
        entry, start = run["entry"], np.bytes_("2020-01-01T00:00:00")
        entry["start_time"] = [start]
        entry["instrument/name"] = [np.bytes_("moving")]
        entry["instrument/instrument_xml/data"] = [np.bytes_(moving(tmp_path).read_text())]
        entry["DASlogs/arm/time"], entry["DASlogs/arm/value"] = [0.0, 1.0], [7.0, 0.25]
        entry["DASlogs/arm/time"].attrs.update(units=np.bytes_("second"), start=start)
        events = entry["bank1_events"]
        for name, kind in (("event_id", "u4"), ("event_index", "u8"), ("event_time_offset", "f4")):
            events[name] = np.zeros(1, kind)
        events["event_time_zero"] = np.zeros(1)
        events["event_time_zero"].attrs.update(units=np.bytes_("second"), offset=start)
        events["event_time_offset"].attrs["units"] = np.bytes_("microsecond")
        events["total_counts"] = np.ones(1, "u8")
    found = read_any_instrument(str(file))
    assert found.detector_id.tolist() == [5, 6]
    np.testing.assert_allclose(
        found.position_m, [[0.5, 0.0, 1.0], [-1.0, 0.0, 1.0]], rtol=0, atol=1e-9
    )


@pytest.mark.mantid
@pytest.mark.parametrize("suffix", ["xml", "nxs", "hdf5"])
def test_what_mantid_cannot_read_is_refused_by_the_files_name(tmp_path: Path, suffix: str) -> None:
    imported()
    torn = tmp_path / f"torn.{suffix}"
    torn.write_text("<instrument><a></instrument>")
    with pytest.raises(ValueError, match=f"^{torn}: Mantid says: "):
        read_any_instrument(str(torn))


def test_a_name_that_is_not_known_is_refused_with_those_that_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("POWGEN.xml", "GEM.npz", "notes.txt"):
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"; known are POWGEN\.xml, "):
        read_any_instrument("POWGN")
    with pytest.raises(ValueError, match=r"; known are GEM\.npz, POWGEN\.xml, powder_arc$"):
        read_instrument("gemm")
    with pytest.raises(ValueError, match=r"No such file.*; known are GEM\.npz, POWGEN\.xml$"):
        read_any_instrument(str(tmp_path / "gem1.npz"))


@pytest.mark.parametrize("suffix", ["npz", "xml"])
@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_refused_and_not_waited_for(
    tmp_path: Path, suffix: str, make: Callable[[Path], object]
) -> None:
    path = tmp_path / f"odd.{suffix}"
    make(path)
    with pytest.raises(ValueError, match=r"odd.*: (it is no regular file|Is a directory)"):
        read_instrument(str(path))


def test_the_simulated_instrument_has_a_name() -> None:
    assert read_any_instrument("powder_arc").name == read_instrument("powder_arc").name
