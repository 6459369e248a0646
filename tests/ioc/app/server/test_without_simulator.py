"""The IOC alone, as ``--sim-control none`` starts it: it serves ranks and says what is missing."""

from __future__ import annotations

from pathlib import Path

from tests.support.clients.ca_client import Network
from tests.support.ioc.ioc_process import ioc_process


def test_an_ioc_without_a_simulator_serves_and_refuses_puts_to_it_at_once(
    net: Network, tmp_path: Path
) -> None:
    with ioc_process(net, tmp_path, "--sim-control=none", "--pva=off") as ioc:
        assert float(ioc.get("Red1:Generation_RBV")) >= 0
        ioc.put("Red1:BinParams", "0.5,0.01,4")
        refused = ioc.refused("Sim:PulseRate", "7")
        assert "started without a simulator" in refused
        assert ioc.get("Sim:Pulse_RBV.SEVR") == "INVALID"
        assert ioc.get("Sim:StatusMessage_RBV", "-S").startswith("no simulator was started")
        assert "simulator" not in ioc.get("StatusMessage_RBV")
