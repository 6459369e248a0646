"""Another IOC with the same names is found on pvAccess, also on other ports of this host."""

from __future__ import annotations

import functools
import struct

import pytest

from ioc.pva.search import FROM_SERVER, PvaSearch
from tests.support.clients.ca_client import Network, network
from tests.support.ioc.ioc_bench import Ioc

pytest.importorskip("p4p", reason="p4p is not installed")


def tells(ioc: Ioc, words: str) -> bool:
    return words in ioc.get("StatusMessage_RBV", "-S")


def test_two_iocs_with_the_same_names_tell_of_each_other_and_one_alone_does_not(
    net: Network,
) -> None:
    with Ioc(net, pva=True) as one:
        one.until(lambda: one.number("HEARTBEAT") >= 3)  # it has searched twice
        assert one.get("StatusMessage_RBV", "-S") == ""
        with network() as other_net:
            there = Network(
                other_net.environment, other_net.port, net.search_port, other_net.folder
            )
            with Ioc(there, prefix=one.prefix, pva=True) as other:
                words = f"another IOC serves {one.prefix}HEARTBEAT too, at 127.0.0.1:"
                for each in (one, other):
                    each.until(functools.partial(tells, each, words), 60)


def test_what_is_no_answer_has_no_port() -> None:
    search = PvaSearch("A:B")
    with pytest.raises(struct.error):
        search.server_port(b"")
    assert search.server_port(search.request(5076)) is None
    assert search.server_port(b"\xca\x02" + bytes([FROM_SERVER]) + bytes(80)) is None
