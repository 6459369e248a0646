"""The IOC as clients see it: the C tools of EPICS Base against fake ranks."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from ioc.model.paths import Part
from tests.support.ioc.ioc_bench import FakeRanks, Ioc


def test_a_put_returns_when_readback_and_result_show_it(ioc: Ioc) -> None:
    done = ioc.put("Red1:BinParams", "1,0.5,4", "-S")
    assert done.returncode == 0, done.stderr
    assert ioc.get("Red1:BinParams", "-S") == "1,0.5,4"
    assert ioc.get("Red1:BinParams_RBV", "-S") == "1,0.5,4"
    assert ioc.array("Red1:Spec:XE") == [1, 1.5, 2, 2.5, 3, 3.5, 4]


def test_every_setting_has_a_readback_and_the_table_names_them(ioc: Ioc) -> None:
    assert ioc.get("Red1:Units") == ioc.get("Red1:Units_RBV") == "dSpacing"
    assert ioc.get("Pause") == ioc.get("Pause_RBV") == "Run"
    assert float(ioc.get("Sim:PulseRate_RBV")) == 14


def test_readbacks_and_fields_are_not_for_clients_to_write(ioc: Ioc) -> None:
    for pv in ("Red1:BinMin_RBV", "EventTotal_RBV", "Red1:BinMin.EGU", "Red1:Spec:Y"):
        assert "denied" in ioc.refused(pv, "1")


def test_units_change_the_bins_with_them_in_one_generation(ioc: Ioc) -> None:
    assert ioc.put("Red1:Units", "TOF").returncode == 0
    assert ioc.get("Red1:Generation_RBV") == "1"
    assert ioc.get("Red1:BinParams", "-S") == "1000,20,60000"
    assert float(ioc.get("Red1:BinMin_RBV")) == 1000
    assert ioc.get("Red1:Spec:X.EGU") == ioc.get("Red1:Spec:XE.EGU") == "us"
    assert (
        "us"
        in ioc.tool("caget", "-d", "DBR_CTRL_DOUBLE", "-#", "1", ioc.prefix + "Red1:Spec:XE").stdout
    )


def test_a_bad_value_is_refused_in_words_and_alarms_this_setpoint_only(ioc: Ioc) -> None:
    text = ioc.refused("Red1:BinParams", "1,0,5", "-S")
    assert "BinParams: '1,0,5' refused: the step from 1 to 5 is 0" in text
    said = ioc.get("Refusal_RBV", "-S").replace("\\'", "'")  # caget escapes quotes
    assert re.fullmatch(r"Red1:BinParams: '1,0,5' refused: the step .*\(.+@127\.0\.0\.1\)", said)
    assert ioc.get("Red1:BinParams", "-S") == "0.4,0.001,5"
    assert ioc.get("Red1:BinParams.SEVR") == "MAJOR"
    assert ioc.get("Red1:BinParams.STAT") == "WRITE"
    assert ioc.get("Red1:BinParams_RBV.SEVR") == ioc.get("Red1:BinMin.SEVR") == "NO_ALARM"
    assert ioc.put("Red1:BinParams", "1,2,5", "-S").returncode == 0
    assert ioc.get("Red1:BinParams.SEVR") == "NO_ALARM"


def test_a_put_that_waits_is_refused_in_words_too(ioc: Ioc) -> None:
    done = ioc.put("Red1:BinParams", "1,0,5", "-S")  # caput -c
    assert done.returncode == 1
    assert "BinParams: '1,0,5' refused: the step from 1 to 5 is 0" in done.stderr
    done = ioc.put("Pause", "3")
    assert (done.returncode, "3 refused: it is Run (0) or Pause (1)" in done.stderr) == (1, True)


@pytest.mark.parametrize("value", ["7", "Furlong", "-1", "2.5"])
def test_an_enum_takes_only_its_states_and_stays_readable(ioc: Ioc, value: str) -> None:
    assert ioc.put("Red1:Units", value).returncode == 1
    assert ioc.put("Red1:Units", value, "-s").returncode == 1
    assert ioc.get("Red1:Units", "-s") == "dSpacing"
    assert "Wavelength" in ioc.said("caget", "-d", "DBR_CTRL_ENUM", ioc.prefix + "Red1:Units")


CAPROTO_PUT = """
import sys
from caproto.threading.client import Context

[pv] = Context().get_pvs(sys.argv[1])
pv.wait_for_connection(timeout=20)
print(pv.write([float(sys.argv[2])], wait=True, timeout=20).status.name)
"""


def test_a_client_that_waits_for_the_completion_alone_hears_of_a_refusal(ioc: Ioc) -> None:
    for value, status in (("0", "ECA_PUTFAIL"), ("0.5", "ECA_NORMAL")):
        done = subprocess.run(
            [sys.executable, "-c", CAPROTO_PUT, f"{ioc.prefix}Red1:BinStep", value],
            env=os.environ | ioc.network.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stdout.strip() == status, done.stderr


def test_an_enum_takes_index_and_label(ioc: Ioc) -> None:
    for value in ("1", "Wavelength"):
        assert ioc.put("Red1:Units", value).returncode == 0
        assert ioc.get("Red1:Units") == "Wavelength"
    assert ioc.get("Red1:Generation_RBV") == "1"


def test_a_number_is_refused_that_is_none_or_beyond_its_limits(ioc: Ioc) -> None:
    assert "not a number" in ioc.refused("Sim:PulseRate", "fast")
    assert "the highest is 1000 Hz" in ioc.refused("Sim:PulseRate", "2000")
    assert float(ioc.get("Sim:PulseRate")) == 14
    assert "not a whole number" in ioc.refused("Sim:EventsPerPulse", "1.5")


def test_fields_tell_what_the_channel_is(ioc: Ioc) -> None:
    assert ioc.get("Sim:PulseRate.DESC") == "Pulses per second"
    assert ioc.get("Sim:PulseRate.EGU") == "Hz"
    assert ioc.get("Sim:PulseRate.PREC") == "2"
    assert float(ioc.get("Sim:PulseRate.DRVH")) == float(ioc.get("Sim:PulseRate.HOPR")) == 1000
    assert float(ioc.get("Sim:PulseRate.DRVL")) == float(ioc.get("Sim:PulseRate.LOPR")) == 0.1
    assert ioc.get("Sim:PulseRate.RTYP") == "ao"
    assert ioc.get("Sim:PulseRate.NAME") == ioc.prefix + "Sim:PulseRate"
    assert ioc.tool("caget", "-w", "0.2", ioc.prefix + "Sim:PulseRate.NONE").returncode == 1


def test_all_arrays_of_a_result_have_its_length_and_the_time_of_its_last_pulse(ioc: Ioc) -> None:
    assert ioc.put("Red1:BinParams", "1,1,4", "-S").returncode == 0
    assert ioc.put("Red1:BinParams", "1,0.5,4", "-S").returncode == 0
    count = 3.0  # the generation + 1
    assert ioc.array("Red1:Spec:X") == [1.25, 1.75, 2.25, 2.75, 3.25, 3.75]
    assert ioc.array("Red1:Spec:YC") == [count] * 6
    assert ioc.array("Red1:Spec:Y") == [count / 0.5] * 6
    assert ioc.array("Red1:Spec:E") == [np.sqrt(count) / 0.5] * 6
    assert float(ioc.get("Red1:Spec:Total_RBV")) == 6 * count
    pvs = [ioc.prefix + "Red1:Spec:" + name for name in ("X", "XE", "Y", "YC", "E")]
    said = ioc.said("caget", "-a", "-#", "1", *pvs)
    assert said.count(".123457") == 5, said


def test_a_bin_without_a_width_is_refused_under_its_own_name(ioc: Ioc) -> None:
    assert ioc.put("Red1:BinMax", "2").returncode == 0
    assert ioc.get("Red1:BinParams_RBV", "-S") == "0.4,0.001,2"
    assert "BinStep: 0 refused: a bin is wider than 0" in ioc.refused("Red1:BinStep", "0")
    assert ioc.get("Red1:BinStep.SEVR") == "MAJOR"
    assert ioc.get("Red1:BinMax.SEVR") == "NO_ALARM"


def test_a_first_bin_beyond_the_last_waits_for_the_last_one(ioc: Ioc) -> None:
    assert ioc.put("Red1:BinMin", "7").returncode == 0
    assert (ioc.get("Red1:BinMin"), ioc.get("Red1:BinMin_RBV")) == ("7", "7")
    assert (ioc.get("Red1:BinMin.SEVR"), ioc.get("Red1:BinMin_RBV.SEVR")) == ("NO_ALARM", "MINOR")
    assert ioc.get("Red1:BinParams_RBV", "-S") == "0.4,0.001,5"
    why = "Red1:BinMin 7 not in force yet: boundaries must rise, but 5 follows 7"
    assert ioc.get("Pending_RBV", "-S") == ioc.get("StatusMessage_RBV", "-S") == why
    assert ioc.put("Red1:BinMax", "8").returncode == 0
    assert ioc.get("Red1:BinParams_RBV", "-S") == "7,0.001,8"
    assert ioc.get("Red1:BinMin_RBV.SEVR") == "NO_ALARM"
    assert ioc.get("Pending_RBV", "-S") == ioc.get("StatusMessage_RBV", "-S") == ""


@pytest.mark.parametrize(
    ("pv", "text", "accepted"),
    [
        ("Red1:BinParams", " 0.4, 0.001,5 ", "0.4, 0.001,5"),
        ("Red1:Filter:Params", "temperature, 0,1.0,  5", "temperature,0,1,5"),
        ("Red1:Background", "   ", ""),
        ("File:Name", " run 7 ", "run 7"),
    ],
)
def test_a_text_reads_as_it_was_put_with_its_blanks(
    ioc: Ioc, pv: str, text: str, accepted: str
) -> None:
    def read(name: str) -> str:
        return ioc.tool("caget", "-t", "-S", ioc.prefix + name).stdout.removesuffix("\n")

    assert ioc.put(pv, text, "-S").returncode == 0
    assert (read(pv), read(f"{pv}_RBV")) == (text, text)
    setting = next(row for row in ioc.server.database.rows if row.name == ioc.prefix + pv)
    assert ioc.server.accepted.setting(setting) == accepted


def test_pause_and_reset_complete_and_show(ioc: Ioc) -> None:
    assert ioc.get("DetectorState_RBV") == "Acquire"
    assert ioc.put("Pause", "Pause").returncode == 0
    assert ioc.get("Pause_RBV") == "Pause"
    assert ioc.get("DetectorState_RBV") == "Waiting"
    assert ioc.put("Reset", "1").returncode == 0
    assert ioc.get("Reset") == "Done"
    assert ioc.ranks.seen[-1].resets > 0
    assert ioc.ranks.seen[-1].control.pause


def test_puts_to_one_pv_are_obeyed_one_after_the_other(ioc: Ioc) -> None:
    ioc.ranks.obeying.clear()
    first = ioc.start("caput", "-c", "-S", ioc.prefix + "Red1:BinParams", "1,1,4")
    ioc.until(lambda: ioc.server.orders.ranks.newest.revision == 1)
    second = ioc.start("caput", "-c", "-S", ioc.prefix + "Red1:BinParams", "1,1,3")
    assert "1,1,4" not in ioc.get("Red1:BinParams", "-S")
    ioc.ranks.obeying.set()
    assert (first.wait(5), second.wait(5)) == (0, 0)
    said = [order.reductions[0].settings.bin_params for order in ioc.ranks.seen[-2:]]
    assert said == ["1,1,4", "1,1,3"]
    assert ioc.get("Red1:BinParams_RBV", "-S") == "1,1,3"
    for each in (first, second):
        each.communicate()


def test_what_the_back_end_does_not_obey_is_refused_and_taken_back(
    ioc: Ioc, caplog: pytest.LogCaptureFixture
) -> None:
    ioc.ranks.obeying.clear()
    assert ioc.put("Red1:BinParams", "1,1,3", "-S").returncode == 1
    assert "did not apply it within 0.6 s" in caplog.text
    assert ioc.get("Red1:BinParams", "-S") == "0.4,0.001,5"
    ioc.until(lambda: ioc.get("Red1:BinParams.SEVR") == "MAJOR")
    ioc.ranks.obeying.set()
    ioc.until(lambda: ioc.ranks.seen[-1].revision == ioc.server.orders.ranks.newest.revision)
    assert ioc.ranks.seen[-1].reductions[0].settings.bin_params == "0.4,0.001,5"


def test_readings_are_invalid_while_the_back_end_is_silent_and_recover(ioc: Ioc) -> None:
    ioc.ranks.reporting.clear()
    ioc.until(lambda: ioc.get("DetectorState_RBV") == "Disconnected")
    assert "no report from the ranks for 0.4 s" in ioc.get("StatusMessage_RBV", "-S")
    for pv in ("EventTotal_RBV", "Engine_RBV", "Red1:EventsBinned_RBV", "Red1:Spec:XE"):
        assert (ioc.get(pv + ".SEVR"), ioc.get(pv + ".STAT")) == ("INVALID", "COMM")
    assert ioc.get("EventTotal_RBV") == "7"
    assert ioc.get("Red1:BinParams_RBV.SEVR") == "NO_ALARM"
    ioc.until(lambda: ioc.lost == [Part.RANKS])
    ioc.ranks.reporting.set()
    ioc.until(lambda: ioc.get("DetectorState_RBV") == "Acquire")
    for pv in ("EventTotal_RBV", "Engine_RBV", "Red1:EventsBinned_RBV", "Red1:Spec:XE"):
        assert ioc.get(pv + ".SEVR") == "NO_ALARM"


def test_a_put_waits_for_a_back_end_that_starts_anew(ioc: Ioc) -> None:
    ioc.ranks.stopping.set()
    ioc.ranks.join()
    put = ioc.start("caput", "-w", "5", "-c", "-S", ioc.prefix + "Red1:BinParams", "1,1,4")
    ioc.until(lambda: ioc.lost == [Part.RANKS] and ioc.server.orders.ranks.newest.revision == 1)
    ioc.ranks = FakeRanks(ioc.server.connections.ranks.endpoint)
    ioc.ranks.start()
    said, _ = put.communicate(timeout=20)
    assert put.returncode == 0, said
    assert ioc.array("Red1:Spec:XE") == [1, 2, 3, 4]


def test_a_message_that_is_no_report_is_counted_and_ignored(ioc: Ioc) -> None:
    ioc.ranks.raw += [b"\x93\x01", b"junk"]
    ioc.until(lambda: ioc.server.ranks_watch.bad_reports == 2)
    assert ioc.get("DetectorState_RBV") == "Acquire"


def test_monitors_see_settings_and_arrays_change(ioc: Ioc) -> None:
    pvs = [ioc.prefix + name for name in ("Red1:BinParams_RBV", "Red1:Spec:XE", "Red1:BinMax")]
    monitor = ioc.start("camonitor", "-S", *pvs)
    assert monitor.stdout is not None
    for _ in pvs:
        monitor.stdout.readline()
    assert ioc.put("Red1:BinParams", "1,1,4", "-S").returncode == 0
    lines = [monitor.stdout.readline() for _ in range(3)]
    monitor.terminate()
    monitor.communicate()
    said = {line.split()[0].removeprefix(ioc.prefix): line.split()[3:] for line in lines}
    assert said["Red1:BinParams_RBV"] == ["1,1,4"]
    assert said["Red1:Spec:XE"] == ["4", "1", "2", "3", "4"]
    assert said["Red1:BinMax"] == ["4"]


def test_a_monitor_of_the_first_elements_sees_them_change(ioc: Ioc) -> None:
    monitor = ioc.start("camonitor", "-#", "2", ioc.prefix + "Red1:Spec:XE")
    assert monitor.stdout is not None
    assert monitor.stdout.readline().split()[3:] == ["2", "0.4", "0.401"]
    assert ioc.put("Red1:BinParams", "1,1,4", "-S").returncode == 0
    line = monitor.stdout.readline()
    monitor.terminate()
    monitor.communicate()
    assert line.split()[3:] == ["2", "1", "2"]


def test_cainfo_tells_types_and_rights(ioc: Ioc) -> None:
    said = ioc.said("cainfo", ioc.prefix + "Red1:Units", ioc.prefix + "Red1:Units_RBV")
    assert re.findall(r"Access: +(\S+, .*)", said) == ["read, write", "read, no write"]
    assert said.count("DBR_ENUM") == 2
    assert "Element count:    257" in ioc.said("cainfo", ioc.prefix + "Red1:BinParams")
