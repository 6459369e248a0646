"""pvAccess beside Channel Access: the tools of EPICS Base and p4p against fake ranks."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.clients.ca_client import Network
from tests.support.ioc.ioc_bench import PULSE_TIME_NS, Ioc

pytest.importorskip("p4p", reason="pvAccess is served with p4p")
from ioc.ca.database import MAX_NAME
from ioc.model.addresses import IOC_PROCESS
from ioc.model.pvs import PvRow, pv_rows
from ioc.pva.snapshot import EDGES_FIELD, TABLE_COLUMNS
from reduction.parameters.bins import edges
from reduction.parameters.specs import Array, Choice, Float, Integer, Switch

MAJOR, INVALID = 2, 3


@pytest.fixture
def ioc(net: Network) -> Iterator[Ioc]:
    with Ioc(net, reductions=2, pva=True) as ioc:
        yield ioc


def scalars(ioc: Ioc) -> list[PvRow]:
    return [
        row
        for row in ioc.server.database.rows
        if not row.group.rare and not isinstance(row.spec, Array)
    ]


def test_every_scalar_of_channel_access_reads_the_same(ioc: Ioc, pva_client: Any) -> None:
    # What the program says of itself counts its clients, and so us.
    left = [row for row in scalars(ioc) if row.group.place != IOC_PROCESS]
    assert len(left) > 300

    def all_same() -> bool:  # but those that count on meanwhile, until they have held still
        nonlocal left
        names = [row.name for row in left]
        said = ioc.tool("caget", "-t", "-S", "-g", "17", *names).stdout.splitlines()
        triples = zip(left, pva_client.get(names), said, strict=True)
        left = [row for row, value, word in triples if not same(row, value, word)]
        return not left

    ioc.until(all_same)


def same(row: PvRow, value: Any, word: str) -> bool:
    """Whether a value is what caget says."""
    match row.spec:
        case Float():
            return bool(value == float(word) or (value != value and word == "nan"))
        case Integer():
            return bool(value == int(word))
        case Choice() | Switch():
            return str(value) == word
    return bool(value == word)


def test_spectra_read_the_same_and_slices_are_made_when_asked_for(
    ioc: Ioc, pva_client: Any
) -> None:
    assert ioc.put("Red1:BinParams", "1,1,4", "-S").returncode == 0
    for name in ("X", "XE", "Y", "YC", "E"):
        assert list(pva_client.get(f"{ioc.prefix}Red1:Spec:{name}")) == ioc.array(
            f"Red1:Spec:{name}"
        )
    slice_yc = ioc.prefix + "Red1:Slice1:YC"
    assert slice_yc not in ioc.server.database.channels
    assert list(pva_client.get(slice_yc)) == [2, 2, 2]
    assert pva_client.get(ioc.prefix + "Red1:Slice2:YC").severity == INVALID
    with pytest.raises(TimeoutError):
        pva_client.get(ioc.prefix + "Red1:Slice1001:YC", timeout=0.3)


def test_a_name_tells_what_it_is(ioc: Ioc, pva_client: Any) -> None:
    rate = pva_client.get(ioc.prefix + "Sim:PulseRate").raw.todict()
    assert (
        rate["display"]
        | {
            "description": "Pulses per second",
            "units": "Hz",
            "precision": 2,
            "limitLow": 0.1,
            "limitHigh": 1000,
        }
        == rate["display"]
    )
    assert (rate["control"]["limitLow"], rate["control"]["limitHigh"]) == (0.1, 1000)
    units = pva_client.get(ioc.prefix + "Red1:Units").raw
    assert units["value.choices"][:3] == ["TOF", "Wavelength", "dSpacing"]
    assert units["display.description"] == "Unit of the histogram axis"
    assert pva_client.put(ioc.prefix + "Red1:Units", "TOF") is None
    assert pva_client.get(ioc.prefix + "Red1:Spec:X").raw["display.units"] == "us"
    seconds, nanosec = divmod(PULSE_TIME_NS, 10**9)
    assert pva_client.get(ioc.prefix + "Red1:Spec:X").raw_stamp == (seconds, nanosec)


@pytest.mark.parametrize(
    ("pv", "value", "words"),
    [
        ("Red1:BinParams", "5,1,1", "BinParams: '5,1,1' refused: boundaries must rise"),
        ("Red1:BinParams", "1,µ,5", "BinParams: '1,µ,5' refused: only printable ASCII"),
        ("Red1:Mask", "5000", "no detector in 5000; powder_arc has ids from 0 to 999"),
        ("Sim:PulseRate", 2000.0, "PulseRate: 2000 refused: the highest is 1000 Hz"),
        ("Sim:PulseRate", float("nan"), "PulseRate: nan refused: not a finite number"),
        ("PresetPulses", 0, "PresetPulses: 0 refused: the lowest is 1"),
        ("Red1:Units", 7, "Units: 7 refused: it is one of TOF (0), Wavelength (1)"),
        ("Red1:Filter:Step", 0.0, "a slice is wider than 0"),
    ],
)
def test_a_put_is_refused_in_the_words_of_channel_access(
    ioc: Ioc, pva_client: Any, pv: str, value: Any, words: str
) -> None:
    before = pva_client.get(ioc.prefix + pv)
    with pytest.raises(RuntimeError) as refused:
        pva_client.put(ioc.prefix + pv, value)
    assert words in str(refused.value)
    after = pva_client.get(ioc.prefix + pv)
    assert after == before
    assert (after.severity, after.raw["alarm.message"]) == (MAJOR, "WRITE")
    assert (ioc.get(pv + ".SEVR"), ioc.get(pv + ".STAT")) == ("MAJOR", "WRITE")
    assert pva_client.get(ioc.prefix + pv + "_RBV").severity == 0
    pva_client.put(ioc.prefix + pv, before.raw["value.index"] if pv == "Red1:Units" else before)
    assert ioc.get(pv + ".SEVR") == "NO_ALARM"


def test_readings_are_not_for_clients_to_write(ioc: Ioc, pva_client: Any) -> None:
    for pv in ("EventTotal_RBV", "Red1:BinMin_RBV", "Red1:Spec:Y"):
        with pytest.raises(RuntimeError, match=f"{ioc.prefix}{pv} is read only"):
            pva_client.put(ioc.prefix + pv, [1.0] if pv.endswith("Y") else 1)
    with pytest.raises(RuntimeError, match="Snapshot is read only"):
        pva_client.put(ioc.prefix + "Red1:Snapshot", {"generation": 1})


def test_the_tools_put_get_and_fail_as_they_should(ioc: Ioc) -> None:
    assert ioc.tool("pvput", ioc.prefix + "Red1:Units", "Wavelength").returncode == 0
    assert "(1) Wavelength" in ioc.said("pvget", ioc.prefix + "Red1:Units_RBV")
    done = ioc.tool("pvput", ioc.prefix + "Sim:PulseRate", "2000")
    assert done.returncode == 1
    assert "the highest is 1000 Hz" in done.stdout + done.stderr
    assert "NTTable" in ioc.said("pvinfo", ioc.prefix + "Red1:Snapshot")


def test_a_put_ends_when_it_has_taken_effect_and_in_turn_with_channel_access(ioc: Ioc) -> None:
    bins = ioc.prefix + "Red1:BinParams"
    ioc.ranks.obeying.clear()
    first = ioc.start("pvput", bins, "1,1,4")
    ioc.until(lambda: ioc.server.orders.ranks.newest.revision == 1)
    second = ioc.start("caput", "-c", "-S", bins, "1,1,3")
    assert "0.4,0.001,5" in ioc.said("pvget", bins)
    assert first.poll() is None
    ioc.ranks.obeying.set()
    assert (first.wait(5), second.wait(5)) == (0, 0)
    said = [order.reductions[0].settings.bin_params for order in ioc.ranks.seen[-2:]]
    assert said == ["1,1,4", "1,1,3"]
    for each in (first, second):
        each.communicate()


def test_a_command_ends_when_it_is_done(ioc: Ioc, pva_client: Any) -> None:
    pva_client.put(ioc.prefix + "Reset", 1, wait=True)
    assert ioc.ranks.seen[-1].resets > 0
    assert str(pva_client.get(ioc.prefix + "Reset")) == "Done"


def test_a_put_that_is_not_obeyed_ends_with_an_error_for_a_client_that_waits(
    ioc: Ioc, pva_client: Any
) -> None:
    ioc.ranks.obeying.clear()
    with pytest.raises(RuntimeError, match=r"did not apply it within 0\.6 s"):
        pva_client.put(ioc.prefix + "Red1:BinParams", "1,1,3")
    ioc.ranks.obeying.set()


def test_a_put_that_does_not_wait_is_told_only_what_is_refused_at_once(
    ioc: Ioc, pva_client: Any
) -> None:
    bins = ioc.prefix + "Red1:BinParams"
    ioc.ranks.obeying.clear()
    pva_client.put(bins, "1,1,4", wait=False)
    assert pva_client.get(bins) == "0.4,0.001,5"
    ioc.ranks.obeying.set()
    ioc.until(lambda: pva_client.get(bins) == "1,1,4")
    with pytest.raises(RuntimeError, match="boundaries must rise"):
        pva_client.put(bins, "4,1,1", wait=False)


def test_an_acquisition_holds_only_who_asks_to_wait_for_its_end(ioc: Ioc, pva_client: Any) -> None:
    pva_client.put(ioc.prefix + "Acquire", 1)
    assert str(pva_client.get(ioc.prefix + "Acquire")) == "Acquire"
    with pytest.raises(RuntimeError, match="it is under way; 0 stops it"):
        pva_client.put(ioc.prefix + "Acquire", 1, wait=True)


def test_monitors_of_either_see_a_put_of_the_other(ioc: Ioc, pva_client: Any) -> None:
    name = ioc.prefix + "Red1:BinMax"
    seen: queue.Queue[Any] = queue.Queue()
    by_ca = ioc.start("camonitor", name)
    assert by_ca.stdout is not None
    with pva_client.monitor(name, seen.put):
        assert seen.get(timeout=20) == 5
        by_ca.stdout.readline()
        pva_client.put(name, 4.0)
        assert by_ca.stdout.readline().split()[3] == "4"
        assert seen.get(timeout=20) == 4
        assert ioc.put("Red1:BinMax", "3").returncode == 0
        assert seen.get(timeout=20) == 3
    by_ca.terminate()
    by_ca.communicate()


def test_a_snapshot_is_of_one_result_while_settings_change(ioc: Ioc, pva_client: Any) -> None:
    seen: queue.Queue[Any] = queue.Queue()
    with pva_client.monitor(ioc.prefix + "Red1:Snapshot", seen.put):
        for bins in range(3, 33):
            pva_client.put(ioc.prefix + "Red1:BinParams", f"1,1,{bins + 1}")
        generations = set()
        while 30 not in generations:
            snapshot = seen.get(timeout=20)
            check(ioc, snapshot)
            generations.add(snapshot["generation"])
    assert len(generations) > 10


def check(ioc: Ioc, snapshot: Any) -> None:
    parameters = dict(zip(snapshot["parameters.name"], snapshot["parameters.value"], strict=True))
    counts = snapshot["value.YC"]
    assert list(snapshot["labels"]) == list(TABLE_COLUMNS)
    assert {len(snapshot[f"value.{name}"]) for name in TABLE_COLUMNS} == {len(counts)}
    assert set(counts) == {snapshot["generation"] + 1}  # as the fake ranks have it
    bins = parameters[ioc.prefix + "Red1:BinParams"]
    assert list(snapshot[EDGES_FIELD]) == list(edges(bins, len(counts)))
    assert (snapshot["pulse_first"], snapshot["units"]) == (3, "Ang")
    assert snapshot["timeStamp.secondsPastEpoch"] == PULSE_TIME_NS // 10**9


def test_a_snapshot_holds_all_settings_of_its_reduction_alone(ioc: Ioc, pva_client: Any) -> None:
    names = pva_client.get(ioc.prefix + "Red2:Snapshot")["parameters.name"]
    settings = [row.name.removesuffix("_RBV") for row in scalars(ioc) if row.name.endswith("_RBV")]
    writable = {row.name for row in scalars(ioc)} & set(settings)
    assert set(names) == {name for name in writable if name.startswith(ioc.prefix + "Red2:")}


def test_a_snapshot_is_invalid_while_the_back_end_is_silent(ioc: Ioc, pva_client: Any) -> None:
    seen: queue.Queue[Any] = queue.Queue()
    with pva_client.monitor(ioc.prefix + "Red1:Snapshot", seen.put):
        assert seen.get(timeout=20)["alarm.severity"] == 0
        ioc.ranks.reporting.clear()
        while (snapshot := seen.get(timeout=20))["alarm.severity"] == 0:
            continue
        assert (snapshot["alarm.severity"], snapshot["alarm.message"]) == (INVALID, "COMM")
        assert len(snapshot["value.YC"]) == 4600


def test_names_of_sixty_characters_are_served_on_both_protocols(
    net: Network, pva_client: Any
) -> None:
    longest = max((row.name for row in pv_rows("")), key=len)
    prefix = "P" * (MAX_NAME - len(longest) - 1) + ":"
    with Ioc(net, prefix=prefix, pva=True) as ioc:
        name = prefix + longest
        assert len(name) == MAX_NAME
        assert ioc.tool("caget", name).returncode == 0
        assert ioc.get(f"{longest}.NAME$", "-S") == name
        assert ioc.get(f"{longest}.NAME") == name[:39]
        computed = ("NO_ALARM", "INVALID")  # before the first fit it is invalid
        assert ioc.get(f"{longest}.SEVR") in computed
        assert pva_client.get(name, timeout=20).severity in (0, INVALID)
        assert pva_client.get(f"{prefix}Red1:Snapshot", timeout=20).generation == 0
