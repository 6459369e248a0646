"""What a softIoc and its clients do with our channels: links, masks, acknowledgement, searches."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.clients import raw_ca_client as raw
from tests.support.clients.ca_client import TOOLS, network
from tests.support.clients.raw_ca_client import RawClient, decoded
from tests.support.ioc.ioc_bench import Ioc

SOON_S = 0.3


@contextmanager
def linked(ioc: Ioc, folder: Path, records: str) -> Iterator[RawClient]:
    """A client of a softIoc whose records link to our channels, whose prefix is ``{P}``."""
    path = folder / "links.db"
    path.write_text(records.replace("{P}", ioc.prefix))
    with network() as net:
        near = {"EPICS_CA_ADDR_LIST": f"127.0.0.1:{ioc.network.port}"}
        process = subprocess.Popen(
            [str(TOOLS / "softIoc"), "-S", "-d", str(path)],
            env=net.environment | near,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            ioc.until(lambda: _listens(net.port), 10)
            with RawClient(net.port) as client:
                yield client
        finally:
            process.kill()
            process.wait()


def _listens(port: int) -> bool:
    try:
        with RawClient(port):
            return True
    except OSError:
        return False


def test_a_calc_that_follows_the_severity_of_a_setpoint_computes_with_it(
    ioc: Ioc, tmp_path: Path
) -> None:
    record = 'record(calc, "Bad") { field(INPA, "{P}Red1:Mask.SEVR CP") field(CALC, "A>=2") }'
    with linked(ioc, tmp_path, record) as client:

        def bad() -> float:
            return float(decoded(client.get("Bad", raw.DOUBLE)).values[0])

        ioc.until(lambda: decoded(client.get("Bad.SEVR", raw.STRING)).values == ("NO_ALARM",))
        assert bad() == 0
        assert ioc.put("Red1:Mask", "99999", "-S").returncode == 1
        ioc.until(lambda: bad() == 1)
        assert ioc.put("Red1:Mask", "3", "-S").returncode == 0
        ioc.until(lambda: bad() == 0)


@pytest.fixture
def client(ioc: Ioc) -> Iterator[RawClient]:
    with RawClient(ioc.network.port) as client:
        yield client


def refuse(ioc: Ioc) -> None:
    assert ioc.put("Red1:BinStep", "0").returncode == 1


def test_a_monitor_gets_what_its_mask_asks_for_and_nothing_else(
    ioc: Ioc, client: RawClient
) -> None:
    name = ioc.prefix + "Red1:BinStep"
    masks = (raw.DBE_VALUE, raw.DBE_LOG, raw.DBE_ALARM, raw.DBE_PROPERTY, 15)
    monitors = {mask: client.monitor(name, raw.DOUBLE + raw.TIME, mask) for mask in masks}

    def new(mask: int) -> list[tuple[float, int]]:
        events = [decoded(each) for each in client.events[monitors[mask]]]
        client.events[monitors[mask]].clear()
        return [(float(each.values[0]), each.severity or 0) for each in events]

    assert [new(mask) for mask in masks] == [[(0.001, 0)]] * 5
    assert ioc.put("Red1:BinStep", "0.1").returncode == 0
    client.listen(SOON_S)
    assert [len(new(mask)) for mask in masks] == [1, 1, 0, 0, 1]
    refuse(ioc)
    client.listen(SOON_S)
    assert [new(mask) for mask in masks] == [[], [], [(0.1, 2)], [], [(0.1, 2)]]


def test_a_monitor_of_properties_gets_new_units_and_none_of_the_values(
    ioc: Ioc, client: RawClient
) -> None:
    number = client.monitor(ioc.prefix + "Red1:Spec:X", raw.DOUBLE + raw.GRAPHIC, raw.DBE_PROPERTY)
    assert ioc.put("Red1:BinParams", "1,1,4", "-S").returncode == 0
    client.listen(SOON_S)
    assert len(client.events[number]) == 1
    assert ioc.put("Red1:Units", "Wavelength").returncode == 0
    assert ioc.put("Red1:Units", "TOF").returncode == 0
    client.listen(SOON_S)
    assert [decoded(each).metadata[1] for each in client.events[number]] == ["Ang", "us"]


def test_a_monitor_of_times_gets_that_of_each_value(ioc: Ioc, client: RawClient) -> None:
    name = ioc.prefix + 'Red1:BinMin.{"ts":{"num":"ts"}}'
    number = client.monitor(name, raw.DOUBLE, raw.DBE_VALUE)
    for value in ("0.3", "0.4"):
        assert ioc.put("Red1:BinMin", value).returncode == 0
    client.listen(SOON_S)
    times = [decoded(each).values for each in client.events[number]]
    assert len(times) == 3
    assert times == sorted(times)
    assert {len(each) for each in times} == {2}


def test_deadbands_that_a_client_sets_hold_back_small_changes(ioc: Ioc, client: RawClient) -> None:
    name = ioc.prefix + "Red1:BinMax"
    assert client.put(f"{name}.ADEL", raw.DOUBLE, struct.pack(">d", 1.0)) == raw.ECA_NORMAL
    assert client.put(f"{name}.MDEL", raw.DOUBLE, struct.pack(">d", 0.15)) == raw.ECA_NORMAL
    value, log = (client.monitor(name, raw.DOUBLE, mask) for mask in (raw.DBE_VALUE, raw.DBE_LOG))
    for put in ("5.1", "5.2", "6.5", "6.6"):
        assert ioc.put("Red1:BinMax", put).returncode == 0
    client.listen(SOON_S)
    seen = [[decoded(each).values[0] for each in client.events[number]] for number in (value, log)]
    assert seen == [[5, 5.2, 6.5], [5, 6.5]]
    assert float(ioc.get("Red1:BinMax")) == 6.6
    assert float(ioc.get("Red1:BinMax.ALST")) == 6.5
    assert ioc.tool("caput", "-c", f"{name}.DESC", "x").returncode == 1


def test_an_alarm_is_acknowledged_as_that_of_a_record(ioc: Ioc, client: RawClient) -> None:
    name = ioc.prefix + "Red1:BinStep"
    acks = client.monitor(f"{name}.ACKS", raw.ENUM, raw.DBE_VALUE)
    refuse(ioc)
    assert ioc.put("Red1:BinStep", "0.1").returncode == 0
    assert (ioc.get("Red1:BinStep.SEVR"), ioc.get("Red1:BinStep.ACKS")) == ("NO_ALARM", "MAJOR")
    for severity, left in ((1, "MAJOR"), (2, "NO_ALARM")):
        assert client.put(name, raw.PUT_ACKS, struct.pack(">H", severity)) == raw.ECA_NORMAL
        assert ioc.get("Red1:BinStep.ACKS") == left
    assert client.put(name, raw.PUT_ACKT, struct.pack(">H", 0)) == raw.ECA_NORMAL
    assert ioc.get("Red1:BinStep.ACKT") == "NO"
    refuse(ioc)
    assert ioc.put("Red1:BinStep", "0.2").returncode == 0
    assert ioc.get("Red1:BinStep.ACKS") == "NO_ALARM"
    client.listen(SOON_S)
    assert [decoded(each).values[0] for each in client.events[acks]] == [0, 2, 0, 2, 0]


def test_fields_have_the_alarm_and_the_time_of_their_record(ioc: Ioc) -> None:
    said = [
        ioc.said("caget", "-a", ioc.prefix + f"Red1:Spec:Total_RBV{field}").split()
        for field in ("", ".EGU", ".PREC", ".SEVR")
    ]
    assert len({tuple(words[1:3]) for words in said}) == 1
    refuse(ioc)
    assert "WRITE MAJOR" in ioc.said("caget", "-a", ioc.prefix + "Red1:BinStep.DESC")


def test_a_client_is_told_how_many_elements_there_are_and_again_when_there_are_more(
    ioc: Ioc, client: RawClient
) -> None:
    name = ioc.prefix + "Red1:Spec:XE"
    opened = client.open(name)
    assert opened is not None
    assert opened.count == 4601
    assert ioc.number("Red1:Spec:XE.NELM") == ioc.number("Red1:Spec:XE.NORD") == 4601
    number = client.monitor(name, raw.DOUBLE, raw.DBE_VALUE, opened.count)
    assert ioc.put("Red1:BinParams", "1,1,4", "-S").returncode == 0
    client.listen(SOON_S)
    assert [each.count for each in client.events[number]] == [4601, 4]
    assert client.get(name, raw.DOUBLE, opened.count).count == 4
    assert client.disconnected == []
    assert ioc.put("Red1:BinParams", "0,0.001,5", "-S").returncode == 0
    client.listen(SOON_S)
    assert len(client.disconnected) == 1
    client.forget(name)
    again = client.open(name)
    assert again is not None
    assert again.count == 2 * 5001, "with room to grow"
    assert client.get(name, raw.DOUBLE, 4601).count == 5001, "it asks for all that it was told"


def test_the_c_tools_go_on_when_an_array_becomes_longer(ioc: Ioc) -> None:
    monitor = ioc.start("camonitor", "-p", "10", ioc.prefix + "Red1:Spec:XE")
    assert monitor.stdout is not None
    assert monitor.stdout.readline().split()[3] == "4601"
    assert ioc.put("Red1:BinParams", "0,0.001,5", "-S").returncode == 0
    lines = [monitor.stdout.readline().split() for _ in range(2)]
    monitor.terminate()
    monitor.communicate()
    assert "5001" in (words[3] for words in lines if len(words) > 3), lines
    assert len(ioc.array("Red1:Spec:XE")) == 5001


def test_a_name_server_finds_the_channels(ioc: Ioc) -> None:
    near = {"EPICS_CA_ADDR_LIST": "", "EPICS_CA_NAME_SERVERS": f"127.0.0.1:{ioc.network.port}"}
    for tool, *words in (("caget",), ("caput", "7")):
        done = subprocess.run(
            [str(TOOLS / tool), "-w", "5", ioc.prefix + "Red1:BinMax", *words],
            env=ioc.network.environment | near,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert ioc.get("Red1:BinMax") == "7"


def test_what_no_record_has_is_refused_and_the_connection_goes_on(
    ioc: Ioc, client: RawClient
) -> None:
    name = ioc.prefix + "Red1:BinMax"
    for bad in (".NOPE", ".{", '.{"dbnd":{"m":7}}', ".[1", "." * 50, ".VAL" * 99):
        assert client.open(name + bad) is None
    assert client.get(f"{name}.DESC", raw.DOUBLE).one != raw.ECA_NORMAL
    client.send(raw.READ_NOTIFY, raw.DOUBLE, 1, 12345, 1)
    client.send(raw.EVENT_ADD, raw.DOUBLE, 1, 12345, 1, b"\0" * 16)
    client.send(raw.VERSION, 7, 13)
    assert decoded(client.get(name, raw.DOUBLE)).values == (5,)


def test_a_channel_that_is_closed_sends_nothing_more(ioc: Ioc, client: RawClient) -> None:
    name = ioc.prefix + "Red1:BinMax"
    number = client.monitor(name, raw.DOUBLE, raw.DBE_VALUE)
    client.close(name)
    client.events[number].clear()
    assert ioc.put("Red1:BinMax", "6").returncode == 0
    client.listen(SOON_S)
    assert client.events[number] == []


def test_monitors_of_characters_of_elements_and_with_deadbands_send_those(
    ioc: Ioc, client: RawClient
) -> None:
    axis, limit = ioc.prefix + "Red1:Spec:XE", ioc.prefix + "Red1:BinMax"
    monitors = [
        client.monitor(f"{limit}.DESC$", raw.CHAR + raw.TIME, raw.DBE_VALUE),
        client.monitor(f"{axis}.[0:1]", raw.DOUBLE, raw.DBE_VALUE),
        client.monitor(f'{axis}.{{"arr":{{"s":-1}}}}', raw.DOUBLE, raw.DBE_VALUE, 3),
        client.monitor(f'{limit}.{{"dbnd":{{"abs":1}}}}', raw.DOUBLE, raw.DBE_VALUE),
        client.monitor(f"{limit}.SEVR", raw.STRING, raw.DBE_VALUE),
    ]
    for put in ("5.5", "7"):
        assert ioc.put("Red1:BinMax", put).returncode == 0
    client.listen(SOON_S)
    described, first, last, limits, severities = (
        [decoded(each).values for each in client.events[number]] for number in monitors
    )
    assert described == [(*b"Last bin edge", 0)]
    assert first == [(0.4, 0.401)] * 3
    assert last == [(5, 0, 0), (5.5, 0, 0), (7, 0, 0)]
    assert limits == [(5,), (7,)]
    assert severities == [("NO_ALARM",)]


def test_updates_in_a_type_that_a_value_has_not_are_failures_and_nobody_else_is_concerned(
    ioc: Ioc, client: RawClient
) -> None:
    name = ioc.prefix + "Red1:BinMax"
    failing = [
        client.monitor(each, data_type, raw.DBE_VALUE, 1)
        for each, data_type in (
            (name, raw.PUT_ACKT),
            (name, raw.PUT_ACKS),
            (name + '.{"ts":{"str":"iso"}}', raw.ENUM + raw.CONTROL),
            (name + ".DESC", raw.DOUBLE),
        )
    ]
    number = client.monitor(name, raw.DOUBLE, raw.DBE_VALUE)
    assert ioc.put("Red1:BinMax", "6").returncode == 0
    client.listen(SOON_S)
    assert [decoded(each).values for each in client.events[number]] == [(5,), (6,)]
    for each, updates in zip(failing, (2, 2, 2, 1), strict=True):
        assert [event.one for event in client.events[each]] == [raw.ECA_GETFAIL] * updates


@pytest.mark.parametrize("command", [raw.READ_NOTIFY, raw.EVENT_ADD])
def test_a_client_that_asks_for_a_type_that_there_is_not_is_disconnected_alone(
    ioc: Ioc, client: RawClient, command: int
) -> None:
    name = ioc.prefix + "Red1:BinMax"
    with RawClient(ioc.network.port) as other:
        opened = other.open(name)
        assert opened is not None
        mask = struct.pack(">fffHH", 0, 0, 0, raw.DBE_VALUE, 0)
        other.send(command, raw.CLASS_NAME + 1, 1, opened.sid, 1, mask)
        with pytest.raises(ConnectionResetError):
            other.listen(SOON_S * 10)
    assert decoded(client.get(name, raw.DOUBLE)).values == (5,)
