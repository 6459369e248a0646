"""What `run` prints to type next has the ports, the prefix and the instrument that were chosen."""

from __future__ import annotations

import pytest

from ioc.app.greeting import ClientPlace, greeting
from ioc.options.commands import RunOptions
from ioc.options.event_log import with_event_log


def said(options: RunOptions, environment: dict[str, str] | None = None) -> str:
    return greeting(with_event_log(options), "WISH", ClientPlace(environment or {}))


def export(options: RunOptions, environment: dict[str, str] | None = None) -> str:
    (line,) = (
        line for line in said(options, environment).splitlines() if line.startswith("  export ")
    )
    return line


def test_by_default_no_port_is_named() -> None:
    line = export(RunOptions())
    assert 'EPICS_CA_ADDR_LIST="127.0.0.1" EPICS_CA_AUTO_ADDR_LIST=NO' in line
    assert "PORT" not in line
    assert "PORT" not in export(RunOptions(port=5064), {"EPICS_PVA_BROADCAST_PORT": "5076"})


@pytest.mark.parametrize(
    ("options", "environment", "shown"),
    [
        (RunOptions(port=6000), {}, "EPICS_CA_SERVER_PORT=6000"),
        (RunOptions(), {"EPICS_CA_SERVER_PORT": "6001"}, "EPICS_CA_SERVER_PORT=6001"),
        (RunOptions(port=6000), {"EPICS_CA_SERVER_PORT": "6001"}, "EPICS_CA_SERVER_PORT=6000"),
    ],
)
def test_a_port_that_was_chosen_is_in_the_environment_of_clients(
    options: RunOptions, environment: dict[str, str], shown: str
) -> None:
    line = export(options, environment)
    assert shown in line
    assert line.count("PORT=") == 1


def test_the_search_port_of_pvaccess_is_there_where_it_is_served() -> None:
    pytest.importorskip("p4p", reason="p4p is not installed")
    chosen = {"EPICS_PVAS_BROADCAST_PORT": "6002"}
    assert "EPICS_PVA_BROADCAST_PORT=6002" in export(RunOptions(), chosen)
    assert "PVA" not in export(RunOptions(pva="off"), chosen)


def test_other_commands_get_the_prefix_and_the_reductions() -> None:
    text = said(RunOptions(prefix="WISH:", reductions=2))
    assert "live-reduction pvs --prefix WISH: --reductions 2" in text
    assert "live-reduction top --prefix WISH: --reductions 2 --once" in text
    assert "caget -S WISH:Refusal_RBV" in text
    assert "LIVE:" not in text.replace("live-reduction/LIVE:", "")
    assert "--prefix" not in said(RunOptions())


@pytest.mark.parametrize(
    ("options", "source"),
    [
        (RunOptions(), "a simulated powder diffractometer"),
        (RunOptions(instrument="wish.xml"), "simulated events of WISH"),
        (RunOptions(stream="kafka://a:1/b"), "an event stream"),
        (RunOptions(stream="kafka://a:1/b", instrument="wish.xml"), "an event stream of WISH"),
    ],
)
def test_the_instrument_is_called_by_its_name(options: RunOptions, source: str) -> None:
    assert f"Live reduction of {source}." in said(options)


def first_line(options: RunOptions, page: str = "") -> str:
    text = greeting(with_event_log(options), "WISH", ClientPlace({}, page))
    return next(line for line in text.splitlines() if line)


def test_the_address_of_the_web_page_comes_first() -> None:
    assert first_line(RunOptions(), "http://x/") == "Open http://x/ in a browser."


def test_a_page_that_is_missing_is_told_and_one_that_is_not_wanted_is_not() -> None:
    assert "no web page: it needs pvAccess" in first_line(RunOptions(pva="off"))
    assert first_line(RunOptions(no_web=True)).startswith("Live reduction")


def test_the_folder_of_results_is_told_and_that_there_is_none() -> None:
    place = ClientPlace({}, files="/data/results")
    text = greeting(with_event_log(RunOptions(prefix="WISH:")), "WISH", place)
    assert "WISH:File:Write saves in /data/results (File:Path, --files).\n" in text
    assert "LIVE:File:Write saves nothing: no folder was given with --files.\n" in said(
        RunOptions()
    )
