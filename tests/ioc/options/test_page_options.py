"""The options of the web page."""

from __future__ import annotations

import pytest

from ioc.options.command_line import parse
from ioc.options.commands import RunOptions, WebOptions
from ioc.options.program import StartError


@pytest.mark.parametrize(
    ("flag", "why"),
    [
        ("--web-interfaces=beamline", "web_interfaces = 'beamline': no IP address"),
        ("--web-interfaces=127.0.0.1,", "web_interfaces = '': no IP address"),
        ("--web-port=70000", "web_port = 70000: the most is 65535"),
        ("--web-origins=screens.example", "web_origins = 'screens.example': it is like"),
        ("--web-origins=https://screens.example/", "it is like https://host"),
    ],
)
@pytest.mark.parametrize("command", ["run", "web"])
def test_options_that_are_not_valid_are_refused(command: str, flag: str, why: str) -> None:
    with pytest.raises(StartError, match=why):
        parse([command, flag])


def test_the_page_of_a_run_has_the_options_of_the_run() -> None:
    run = parse(["run", "--prefix=T:", "--reductions=2", "--web-expert", "--web-write"])
    assert isinstance(run, RunOptions)
    page = run.options_for(WebOptions)
    assert page == WebOptions(prefix="T:", reductions=2, web_expert=True, web_write=True)
    assert parse(page.arguments()) == page
