"""The command `live-reduction instrument`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import reference_data as reference

from ioc.cli import main
from reduction.geometry import Instrument

PANELS = reference.FOLDER / "panels.xml"


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
        (("show", "POWGEN"), "read through Mantid, which is not installed: see environment.yml"),
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
