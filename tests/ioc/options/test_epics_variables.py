"""A variable of EPICS that is no number ends the start in words."""

from __future__ import annotations

import pytest
from caproto._utils import _ENVIRONMENT_DEFAULTS

from ioc.options.host_checks import check_epics_variables
from ioc.options.program import StartError


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("EPICS_CA_SERVER_PORT", "abc", "it is 0 to 65535"),
        ("EPICS_CAS_SERVER_PORT", "70000", "it is 0 to 65535"),
        ("EPICS_PVAS_BROADCAST_PORT", "-1", "it is 0 to 65535"),
        ("EPICS_CA_REPEATER_PORT", "5064 5065", "it is 0 to 65535"),
        ("EPICS_CA_CONN_TMO", "x" * 1000, "it is a number"),
        ("EPICS_CAS_BEACON_PERIOD", "nan", "it is a number"),
        ("EPICS_CA_MAX_ARRAY_BYTES", "1e6", "it is a number"),
    ],
)
def test_what_is_no_number_is_refused_by_name(name: str, text: str, why: str) -> None:
    with pytest.raises(StartError, match=f"^{name} = .*, in the environment: {why}$") as refused:
        check_epics_variables({name: text})
    assert len(str(refused.value)) < 150


def test_numbers_and_other_variables_pass() -> None:
    check_epics_variables(
        {
            "EPICS_CA_SERVER_PORT": "5064",
            "EPICS_CA_CONN_TMO": "30.0",
            "EPICS_CA_ADDR_LIST": "x",
            "OTHER_PORT": "y",
        }
    )


def test_blank_numbers_are_not_set_as_in_epics_base() -> None:
    environment = {
        "EPICS_CA_SERVER_PORT": "",
        "EPICS_CAS_BEACON_PERIOD": " ",
        "EPICS_CA_ADDR_LIST": "",
    }
    check_epics_variables(environment)
    assert environment == {"EPICS_CA_ADDR_LIST": ""}


def test_all_numbers_that_caproto_reads_are_checked() -> None:
    numbers = [name for name, value in _ENVIRONMENT_DEFAULTS.items() if not isinstance(value, str)]
    assert len(numbers) > 10
    for name in numbers:
        with pytest.raises(StartError, match=name):
            check_epics_variables({name: "none"})
