"""Runs of a facility with the whole product: through Kafka, and by process variables."""

from __future__ import annotations

import time
from pathlib import Path

import h5py
import pytest
from streaming_data_types.run_start_pl72 import serialise_pl72
from streaming_data_types.run_stop_6s4t import serialise_6s4t

from reduction.event_log.entries import EntryKind, LogEntry
from reduction.parameters.reduction import ReductionSettings
from tests.support.clients.ca_client import Network
from tests.support.kafka.kafka_broker import Topic
from tests.support.product.live import Live, check_spectrum, live

pytestmark = pytest.mark.timeout(360)

USER = "Ada Lovelace"
METADATA = f'{{"title": "Ice at 5 K", "users": ["{USER}"]}}'


def pulses_at_least(running: Live, count: int) -> None:
    running.until(lambda: running.number("PulsesAccumulated_RBV") >= count, 30)


def test_a_run_of_the_stream_is_measured_from_its_start_to_its_stop(
    kafka_topic: Topic, net: Network, tmp_path: Path
) -> None:
    address = f"kafka://{kafka_topic.broker.address}/{kafka_topic.name}"
    with live(net, f"--stream={address}", "--simulated") as running:
        for name, value in (("RunAction", "Acquire"), ("RunStops", "Stop")):
            assert running.put(name, value).returncode == 0
        pulses_at_least(running, 60)
        first = running.number("PulseFirst_RBV")
        start_ms = int(time.time() * 1000) + 2000
        start = serialise_pl72("job", "x.nxs", start_ms, run_name="1234", metadata=METADATA)
        kafka_topic.send([LogEntry(EntryKind.OTHER, start_ms * 10**6, (start,))] * 2)
        running.until(lambda: running.get("RunName_RBV") == "1234", 10)
        assert running.get("RunTitle_RBV", "-S") == "Ice at 5 K"
        assert running.get("RunMessage_RBV", "-S") == ""
        pulses_at_least(running, 20)
        begun = running.number("PulseFirst_RBV")
        assert begun > first + 60
        running.one("ioc ranks --").kill()
        running.until(lambda: running.get("DetectorState_RBV") != "Acquire")
        running.until(lambda: running.get("DetectorState_RBV") == "Acquire", 60)
        check_spectrum(running, ReductionSettings())
        assert running.number("PulseFirst_RBV") == begun
        stop = serialise_6s4t("job", stop_time=int(time.time() * 1000))
        kafka_topic.send([LogEntry(EntryKind.OTHER, time.time_ns(), (stop,))])
        running.until(lambda: running.get("RunState_RBV") == "Stopped", 10)
        running.until(lambda: running.get("DetectorState_RBV") == "Idle", 10)
        assert running.put("File:Path", str(tmp_path), "-S").returncode == 0
        assert running.put("File:Write", "1").returncode == 0
        written = list(tmp_path.glob("*.nxs"))
        (file,) = (each for each in written if not each.stem.endswith("_mantid"))
        with h5py.File(file) as saved:
            assert saved["entry/title"].asstr()[()] == "Ice at 5 K"
            assert saved["entry/entry_identifier"].asstr()[()] == "1234"
        assert not any(USER.encode() in each.read_bytes() for each in written)


def run_start(name: str, start_ms: int) -> LogEntry:
    data = serialise_pl72(f"job {name}", "x.nxs", start_ms, run_name=name)
    return LogEntry(EntryKind.OTHER, start_ms * 10**6, (data,))


@pytest.mark.parametrize("action", ["Acquire", "NextSeries"])
def test_a_start_that_comes_late_takes_effect_at_its_pulse(
    kafka_topic: Topic, net: Network, action: str
) -> None:
    address = f"kafka://{kafka_topic.broker.address}/{kafka_topic.name}"
    with live(net, f"--stream={address}", "--simulated") as running:
        assert running.put("RunAction", action).returncode == 0
        pulses_at_least(running, 60)
        last = running.number("PulseLast_RBV")
        kafka_topic.send([run_start("1234", int(time.time() * 1000) - 1000)])
        running.until(lambda: running.get("RunName_RBV") == "1234", 10)
        pulses_at_least(running, 20)
        assert running.get("RunMessage_RBV", "-S") == ""
        assert last - 20 < running.number("PulseFirst_RBV") < last
        check_spectrum(running, ReductionSettings())
        if action == "NextSeries":
            before = running.number("Red1:Series1:PulseLast_RBV")
            assert running.number("PulseFirst_RBV") == before + 1


TABLE = """
[stream]
servers = "{address}"
detectors = ["{name}"]
logs = ["{name}"]
runs = ["{name}-runs"]
"""


def test_who_joins_during_a_run_shows_it_and_counts_on(
    kafka_topic: Topic, net: Network, tmp_path: Path
) -> None:
    runs = Topic(kafka_topic.broker, f"{kafka_topic.name}-runs")
    runs.make()
    runs.send([run_start("1234", int(time.time() * 1000) - 60_000)])
    file = tmp_path / "beamline.toml"
    file.write_text(TABLE.format(address=kafka_topic.broker.address, name=kafka_topic.name))
    with live(net, "--config", str(file), "--simulated", "--set=RunAction=Acquire") as running:
        running.until(lambda: running.get("RunName_RBV") == "1234", 10)
        assert running.get("RunState_RBV") == "Running"
        assert running.get("RunMessage_RBV", "-S") == ""
        pulses_at_least(running, 20)
        check_spectrum(running, ReductionSettings())


def test_a_run_that_a_process_variable_tells_closes_a_series(net: Network) -> None:
    with live(net) as running:
        pulses_at_least(running, 20)
        name = f"{running.prefix}Sim:MaxChunkSize"
        assert running.put("RunAction", "NextSeries").returncode == 0
        assert running.put("RunNamePV", name).returncode == 0
        running.until(lambda: running.get("RunName_RBV") != "")
        assert running.number("Series_RBV") == 1
        assert running.put("Sim:MaxChunkSize", "1234").returncode == 0
        running.until(lambda: running.get("RunName_RBV") == "1234")
        running.until(lambda: running.number("Series_RBV") == 2)
        assert running.put("Sim:MaxChunkSize", "1234").returncode == 0
        pulses_at_least(running, 20)
        assert running.number("Series_RBV") == 2
        last = running.number("Red1:Series1:PulseLast_RBV")
        assert running.number("PulseFirst_RBV") == last + 1
        check_spectrum(running, ReductionSettings())
