"""The scripts in ``examples/`` and the code shown for each client, on the running product."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reduction.files.nexus_reader import read_nexus
from simulator.parameters import SimulatorSettings
from tests.support.product.live import Live
from tests.support.product.scripts import ROOT, needs, nicos_versions, run, run_code, run_nicos

pytestmark = pytest.mark.timeout(480)

FAR = 4.5
"""In standard errors: once in 150 000 runs by chance."""

INDICES = math.sqrt(8)
"""Of the line 220, whose d times it is the cell edge."""


@pytest.fixture
def running(running: Live) -> Live:
    """A live reduction with many events, in the state of its start whatever a script has left."""
    for pv, value in (
        ("Sim:EventsPerPulse", "20000"),
        ("Sim:Pressure", "0"),
        ("Sim:Temperature", "295"),
        ("Preset", "None"),
    ):
        assert running.put(pv, value).returncode == 0
    return running


def example(running: Live, name: str, *words: str) -> list[str]:
    """The lines that a script prints."""
    script = ROOT / "examples" / name
    return run(running, str(script), "--prefix", running.prefix, *words).splitlines()


def table(lines: list[str]) -> list[list[float]]:
    """The rows of numbers among lines."""
    words = [line.split() for line in lines]
    number = re.compile(r"-?[\d.]+(e-?\d+)?$")
    return [
        [float(word) for word in each] for each in words if each and all(map(number.match, each))
    ]


def cell_edge(pressure: float) -> float:
    """The cell edge in Å that the simulator has at a pressure."""
    return replace(SimulatorSettings(), pressure=pressure).sample.lattice_parameter


def within(value: float, error: float, true: float) -> bool:
    return abs(value - true) < FAR * error


@needs("epics", "pyepics")
def test_a_pressure_ramp_finds_the_cell_edge_of_each_step_and_saves_all_as_series(
    running: Live, tmp_path: Path
) -> None:
    assert running.put("File:Path", str(tmp_path), "-S").returncode == 0
    lines = example(
        running,
        "pressure_ramp.py",
        *("--pressures", "0", "3", "6", "--pulses", "20", "--settle", "0.5", "--name", "ramp"),
    )
    rows = table(lines)
    assert [row[:2] for row in rows] == [[1, 0], [2, 3], [3, 6]]
    for _, pressure, _, centre, error, edge, edge_error in rows:
        assert 0 < edge_error < 0.001
        assert within(edge, edge_error, cell_edge(pressure))
        assert within(centre, error, cell_edge(pressure) / INDICES)
    saved = read_nexus(tmp_path / "ramp.nxs")
    assert lines[-1] == f"saved {tmp_path / 'ramp.nxs'}"
    assert [each.counts.sum() for each in saved.series] == [row[2] for row in rows[:2]]
    assert saved.summed.counts.sum() == rows[2][2]
    for number in (1, 2):
        assert running.number(f"Red1:Series{number}:Pulses_RBV") == 20


@needs("epics", "pyepics")
def test_temperature_steps_find_the_thermal_motion_of_the_sample(
    running: Live, tmp_path: Path
) -> None:
    assert running.put("File:Path", str(tmp_path), "-S").returncode == 0
    lines = example(
        running,
        "temperature_steps.py",
        *("--temperatures", "100", "900", "400", "--pulses", "25"),
    )
    assert [row[:2] for row in table(lines)] == [[1, 100], [2, 500], [3, 900]]
    found = next(line for line in lines if line.startswith("Uiso at 295 K"))
    value, error = map(float, re.findall(r"0\.\d+", found))
    true = float(SimulatorSettings().atoms.split()[-1])
    assert error < 0.1 * true
    assert within(value, error, true)
    assert read_nexus(tmp_path / "temperature_steps.nxs").slice_log == "temperature"
    assert running.get("Red1:Filter:Log", "-S") == ""


@needs("epics", "pyepics")
@pytest.mark.parametrize("temperatures", [("280", "340", "20"), ("900", "500", "-200")])
def test_temperature_steps_go_anywhere_up_or_down_after_other_slices(
    running: Live, tmp_path: Path, temperatures: tuple[str, ...]
) -> None:
    assert running.put("File:Path", str(tmp_path), "-S").returncode == 0
    for end, value in (("Min", "5"), ("Max", "9"), ("Step", "0.5")):
        assert running.put(f"Red1:Filter:{end}", value).returncode == 0
    lines = example(
        running,
        "temperature_steps.py",
        *("--temperatures", *temperatures, "--pulses", "15", "--name", "steps"),
        *("--bins", "0.5,-0.001,4", "--lines", "1.9202", "1.1086"),
    )
    first, last, step = map(float, temperatures)
    expected = sorted(np.arange(first, last + step / 2, step).tolist())
    assert [row[:2] for row in table(lines)] == [[n, t] for n, t in enumerate(expected, 1)]
    found = next(line for line in lines if line.startswith("Uiso at 295 K"))
    u_iso, deviation = map(float, re.findall(r"-?0\.\d+", found))
    assert within(u_iso, deviation, float(SimulatorSettings().atoms.split()[-1]))
    assert running.get("Pending_RBV", "-S") == ""


@needs("epics", "pyepics")
def test_a_ramp_of_another_line_and_one_step(running: Live, tmp_path: Path) -> None:
    assert running.put("File:Path", str(tmp_path), "-S").returncode == 0
    words = ("--pressures", "4", "--pulses", "20", "--hkl", "1", "1", "1")
    window = ("--window", "2.95", "3.25", "--settle", "0.5", "--bins", "2,-0.0005,4")
    rows = table(example(running, "pressure_ramp.py", *words, *window))
    assert [row[:2] for row in rows] == [[1, 4]]
    assert within(rows[0][5], rows[0][6], cell_edge(4))


@needs("ophyd", "ophyd")
@pytest.mark.parametrize(
    ("script", "words", "why"),
    [
        ("temperature_steps.py", ("--temperatures", "300", "300", "10"), "at least two"),
        ("temperature_steps.py", ("--temperatures", "300", "400", "0"), "at least two"),
        ("bluesky_pressure_scan.py", ("--pressures", "1", "1", "5"), "at least two"),
    ],
)
def test_a_script_refuses_what_it_cannot_do_before_it_changes_anything(
    running: Live, script: str, words: tuple[str, ...], why: str
) -> None:
    generation = running.number("Red1:Generation_RBV")
    with pytest.raises(AssertionError, match=why):
        example(running, script, *words)
    assert running.number("Red1:Generation_RBV") == generation


@needs("ophyd", "ophyd")
def test_a_bluesky_scan_finds_the_bulk_modulus_of_the_sample(running: Live) -> None:
    lines = example(
        running,
        "bluesky_pressure_scan.py",
        *("--pressures", "0", "10", "3", "--error", "0.01", "--settle", "0.5"),
    )
    for pressure, counts, centre, error in table(lines):
        assert counts > 9990  # an error of 1 %, but for the shares of cut bins
        assert within(centre, error, cell_edge(pressure) / INDICES)
    value, error = map(float, re.findall(r"\d+\.\d+", lines[-1]))
    assert lines[-1].startswith("bulk modulus")
    assert error < 0.5
    assert within(value, error, SimulatorSettings().bulk_modulus)


@needs("genie_python", "genie")
def test_a_scan_with_genie_python_finds_the_line_at_each_pressure(running: Live) -> None:
    words = ("--pressures", "0", "4", "--pulses", "20", "--settle", "0.5")
    rows = table(example(running, "genie_scan.py", *words))
    assert [row[0] for row in rows] == [0, 4]
    for pressure, total, centre, error in rows:
        assert total > 300_000
        assert within(centre, error, cell_edge(pressure) / INDICES)


CLIENTS = ROOT / "docs/how-to/clients.md"


def shown() -> dict[str, str]:
    """The Python code that the page about clients shows, by its heading."""
    sections = re.split(r"^## ", CLIENTS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = {}
    for section in sections:
        for code in re.findall(r"```python\n(.*?)```", section, re.DOTALL):
            found[section.splitlines()[0]] = code
    return found


PACKAGES = {
    "pyepics": ("epics", "pyepics"),
    "aioca": ("aioca", "ophyd-async"),
    "pvapy": ("pvaccess", "pvapy"),
    "bluesky with ophyd": ("ophyd", "ophyd"),
    "bluesky with ophyd-async": ("ophyd_async", "ophyd-async"),
    "Images with ophyd": ("ophyd", "ophyd"),
    "Images with ophyd-async": ("ophyd_async", "ophyd-async"),
    "Images with p4p": ("p4p", "pva"),
    "genie_python": ("genie_python", "genie"),
}


@pytest.mark.parametrize(
    "client", [pytest.param(name, marks=needs(*package)) for name, package in PACKAGES.items()]
)
def test_the_python_code_shown_for_a_client_works(running: Live, client: str) -> None:
    said = run_code(running, shown()[client])
    assert said.strip()
    assert running.put("Red1:Units", "dSpacing").returncode == 0


@nicos_versions
def test_the_code_shown_for_nicos_works(running: Live, nicos: Path, tmp_path: Path) -> None:
    said = run_nicos(running, nicos, tmp_path, shown()["NICOS"])
    assert "ERROR" not in said
    assert "live.total" in said


def test_all_code_shown_for_clients_is_run() -> None:
    assert set(shown()) == {*PACKAGES, "NICOS"}
