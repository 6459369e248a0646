"""Who may write which process variables: the rules of a file, and what clients see of them."""

from __future__ import annotations

import getpass
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ioc.model.pvs import pv_rows
from ioc.options.program import StartError
from ioc.security.acf import load_rules
from ioc.security.rules import EVERYBODY, NOBODY, Asg, Rules
from tests.support.clients.ca_caller import Caller
from tests.support.clients.ca_client import Client, Network
from tests.support.ioc.ioc_process import IocProcess, ioc_process

EXAMPLE = Path(__file__).parents[3] / "docs/access.acf"


def rules(folder: Path, text: str) -> Rules:
    path = folder / "site.acf"
    path.write_text(text)
    return load_rules(path)


@pytest.mark.parametrize(
    ("asg", "host", "user", "may"),
    [
        (Asg.CONFIGURATION, "198.51.100.1", "anna", True),
        (Asg.CONFIGURATION, "127.0.0.1", "operator", False),
        (Asg.OPERATION, "127.0.0.1", "anybody", True),
        (Asg.OPERATION, "192.0.2.11", "anybody", True),
        (Asg.OPERATION, "::ffff:192.0.2.11", "anybody", True),
        (Asg.OPERATION, "198.51.100.1", "operator", False),
        (Asg.OPERATION, "198.51.100.1", "bert", True),
        (Asg.SIMULATOR, "198.51.100.1", "anna", False),
        (Asg.SIMULATOR, "192.0.2.10", "anna", True),
        (Asg.SIMULATOR, "192.0.2.10", "operator", False),
        (Asg.DEFAULT, "127.0.0.1", "anna", False),
    ],
)
def test_the_example_lets_write_whom_its_comments_say(
    asg: Asg, host: str, user: str, may: bool
) -> None:
    assert load_rules(EXAMPLE).may_write(asg, host, user) is may


def test_a_group_without_rules_has_those_of_default_and_none_let_nobody(tmp_path: Path) -> None:
    free = rules(tmp_path, "ASG(DEFAULT) { RULE(0, WRITE, TRAPWRITE) } ASG(SIMULATOR)")
    assert free.may_write(Asg.OPERATION, "127.0.0.1", "x")
    assert not free.may_write(Asg.SIMULATOR, "127.0.0.1", "x")
    assert not rules(tmp_path, "ASG(DEFAULT)").may_write(Asg.OPERATION, "127.0.0.1", "x")
    assert EVERYBODY.may_write(Asg.SIMULATOR, "127.0.0.1", "x")
    assert not NOBODY.may_write(Asg.SIMULATOR, "127.0.0.1", "x")


def test_groups_of_a_rule_are_joined_and_names_may_be_quoted(tmp_path: Path) -> None:
    joined = rules(
        tmp_path,
        """
        UAG(a) {x} UAG("b#1") {"y z"}  # a comment
        ASG(OPERATION) { RULE(1, READ) RULE(1, NONE) {UAG(a)} RULE(1, WRITE) { UAG(a, "b#1") } }
        """,
    )
    users = [user for user in ("x", "y z", "b") if joined.may_write(Asg.OPERATION, "::1", user)]
    assert users == ["x", "y z"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("UAG(a) {x}\n1(b) {y}", "2: UAG, HAG or ASG is expected, not '1'"),
        ("UAG(a) {x", "1: the file ends where , or } is expected"),
        ("UAG(a)\n{x y}", "2: , or } is expected, not 'y'"),
        ("UAG(a) {x}\n\nUAG(a) {x}", r"3: UAG\(a\) is there twice"),
        ("UAG() {x}", r"1: a name is expected, not '\)'"),
        ("UAG(a) {x!}", "1: ! is no character of a name"),
        ("ASG(A) {\nRULE(one, WRITE)}", "2: level 0 or 1 is expected, not 'one'"),
        ("ASG(A) {\nRULE(1, ASG)}", "2: NONE, READ or WRITE is expected, not 'ASG'"),
        ("ASG(A) {\nRULE(1)}", r"2: , is expected, not '\)'"),
        ("ASG(DEFAULT) {\nRULE(1, WRITE) {\nCALC(A) } }", r"3: CALC in a rule of ASG\(DEFAULT\)"),
        ("ASG(OPERATION) {\nRULE(1, WRITE) { METHOD(x509) } }", "2: METHOD in a rule of ASG"),
        ("UAG(all) {x} ASG(A) { RULE(1, WRITE) {\nUAG(al) } }", "2: no UAG is called 'al'; did"),
        ("ASG(A) { RULE(1, WRITE) {\n1(a) } }", "2: a rule has UAG, HAG and"),
    ],
)
def test_a_file_that_does_not_parse_is_refused_with_its_line(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(StartError, match=rf"site\.acf:{words}"):
        rules(tmp_path, text)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(StartError, match=r"access = absent\.acf: No such file"):
        load_rules(Path("absent.acf"))


def test_each_process_variable_is_in_its_group() -> None:
    groups = {row.name: row.asg for row in pv_rows("")}
    for group, names in {
        Asg.CONFIGURATION: ("Red1:BinParams", "Red1:Peak1:Min", "MemoryLimit", "File:Path"),
        Asg.OPERATION: ("Acquire", "Reset", "Pause", "Preset", "PresetPulses", "File:Write"),
        Asg.SIMULATOR: ("Sim:PulseRate", "Sim:Pause"),
        Asg.DEFAULT: ("Red1:BinParams_RBV", "Sim:Pause_RBV", "EventTotal_RBV", "Red1:Spec:Y"),
    }.items():
        assert [name for name in names if groups[name] is not group] == []


@pytest.fixture
def ioc(net: Network, tmp_path: Path) -> Iterator[IocProcess]:
    """An IOC that lets the present user write commands alone, and anna also the rest."""
    acf = tmp_path / "site.acf"
    acf.write_text(
        f"""
        UAG(operators) {{ {getpass.getuser()} }} UAG(experts) {{ anna }}
        HAG(here) {{ localhost }} HAG(there) {{ 192.0.2.1 }}
        ASG(OPERATION) {{ RULE(1, WRITE) {{ UAG(operators) HAG(here) }} }}
        ASG(CONFIGURATION) {{ RULE(1, WRITE) {{ UAG(experts) HAG(here) }} }}
        ASG(SIMULATOR) {{ RULE(1, WRITE) {{ HAG(there) }} }}
        """
    )
    with ioc_process(net, tmp_path, "--access", str(acf)) as running:
        yield running


def rights(client: Client, pv: str) -> str:
    said = client.said("cainfo", client.prefix + pv)
    return next(line for line in said.splitlines() if "Access:" in line).split(":")[1].strip()


def test_clients_are_told_at_once_what_they_may_not_write(ioc: IocProcess) -> None:
    assert rights(ioc, "Pause") == "read, write"
    for pv in ("Red1:BinParams", "Sim:PulseRate", "Pause_RBV", "Pause.DESC"):
        assert rights(ioc, pv) == "read, no write"
    assert ioc.put("Pause", "Pause").returncode == 0
    assert "denied" in ioc.refused("Red1:Units", "TOF")
    assert ioc.get("Red1:Units") == "dSpacing"
    assert ioc.get("Red1:Units.ASG") == "CONFIGURATION"
    assert ioc.get("Pause.ASG") == "OPERATION"
    assert ioc.get("Pause_RBV.ASG") == "DEFAULT"


def test_a_put_that_comes_nevertheless_is_refused_as_no_write_access(ioc: IocProcess) -> None:
    units = ioc.prefix + "Red1:Units"
    with Caller(ioc.network.port, "bert") as caller:
        assert not caller.may_write(units)
        said = caller.put(units, "TOF")
    assert said.startswith("ECA_NOWTACCESS")
    assert "bert@127.0.0.1 may not write to CONFIGURATION" in said
    assert ioc.get("Red1:Units") == "dSpacing"
    assert ioc.get("Red1:Units.SEVR") == "NO_ALARM"


def test_the_user_is_the_one_that_the_client_claims_and_may_change(ioc: IocProcess) -> None:
    units = ioc.prefix + "Red1:Units"
    with Caller(ioc.network.port, "bert") as caller:
        assert not caller.may_write(units)
        caller.claim("anna")
        assert caller.may_write(units)
        assert caller.put(units, "TOF") == ""
    assert ioc.get("Red1:Units_RBV") == "TOF"


def test_the_host_is_where_the_client_is_and_not_where_it_claims_to_be(ioc: IocProcess) -> None:
    with Caller(ioc.network.port, "anna", claimed="192.0.2.1") as caller:
        assert not caller.may_write(ioc.prefix + "Sim:PulseRate")
        assert caller.put(ioc.prefix + "Sim:PulseRate", "7").startswith("ECA_NOWTACCESS")
    with Caller(ioc.network.port, "anna", address="127.0.0.2", claimed="localhost") as caller:
        assert not caller.may_write(ioc.prefix + "Red1:Units")


def test_a_file_that_does_not_parse_ends_the_start_with_one_line(tmp_path: Path) -> None:
    acf = tmp_path / "site.acf"
    acf.write_text("ASG(DEFAULT) {\n  RULE(1, WRITE\n}\n")
    done = subprocess.run(
        [sys.executable, "-m", "ioc", "ioc", "--access", str(acf)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == f"live-reduction: {acf}:3: , or ) is expected, not '}}'\n"


def test_a_mirror_is_written_by_nobody(net: Network, tmp_path: Path) -> None:
    with ioc_process(net, tmp_path, "--read-only") as mirror:
        for pv in ("Pause", "Red1:Units", "Sim:PulseRate", "File:Write", "Acquire"):
            assert rights(mirror, pv) == "read, no write"
        assert "denied" in mirror.refused("Pause", "Pause")


def test_without_a_file_everybody_who_reaches_the_server_may_write(
    net: Network, tmp_path: Path
) -> None:
    with ioc_process(net, tmp_path) as free:
        for pv in ("Pause", "Red1:Units", "Sim:PulseRate", "File:Write", "Acquire"):
            assert rights(free, pv) == "read, write"
