"""Which requests are answered, and which visitors may write."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import Request

from web.site.access import SiteAccess

ACCESS = SiteAccess("secret", frozenset({"localhost"}))
REMOTE = SiteAccess("secret", frozenset({"localhost", "beamline"}))


class Connection:
    """A connection between two addresses, in the place of a transport."""

    def __init__(self, here: str, peer: str) -> None:
        self._ends = {"sockname": (here, 8014), "peername": (peer, 40000)}

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self._ends.get(name, default)

    def is_closing(self) -> bool:
        return False


def request(
    headers: dict[str, str], path: str = "/info", here: str = "127.0.0.1", peer: str = "127.0.0.1"
) -> Request:
    return make_mocked_request("GET", path, headers, transport=Connection(here, peer))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8014",
        "127.0.0.1",
        "localhost:8014",
        "LOCALHOST",
        "[::1]:8014",
        "localhost:9000",
        "127.0.0.2:8014",
    ],
)
def test_names_of_this_host_are_answered(host: str) -> None:
    assert not ACCESS.refusal(request({"Host": host}))


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8014",
        "192.0.2.9:8014",
        "beamline:8014",
        "",
        "localhost.evil",
        "127.0.0.1.evil.example",
        "localhost:x",
        "127.0.0.1:8014@evil",
        "[::1",
        "0x7f.1",
        "[::2]:1",
    ],
)
def test_other_names_are_refused(host: str) -> None:
    assert "this server is not" in ACCESS.refusal(request({"Host": host}))


def test_a_request_without_a_host_is_refused() -> None:
    assert ACCESS.refusal(request({}))


@pytest.mark.parametrize("host", ["192.0.2.1:8014", "beamline:8014", "BEAMLINE"])
def test_a_server_for_others_has_the_names_of_the_host(host: str) -> None:
    assert not REMOTE.refusal(request({"Host": host}, here="192.0.2.1", peer="192.0.2.7"))


@pytest.mark.parametrize("here", ["::ffff:192.0.2.1", "192.0.2.1"])
def test_the_address_that_a_visitor_uses_is_a_name(here: str) -> None:
    assert not REMOTE.refusal(request({"Host": "192.0.2.1"}, here=here, peer="192.0.2.7"))


@pytest.mark.parametrize("origin", ["http://localhost:8014", "https://localhost:8014"])
def test_the_own_page_may_connect(origin: str) -> None:
    assert not ACCESS.refusal(request({"Host": "localhost:8014", "Origin": origin}))


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "",
        "http://localhost",
        "http://localhost:3000",
        "file://",
        "http://127.0.0.1:8014",
        "http://localhost:8014.evil.example",
        "ftp://localhost:8014",
    ],
)
def test_pages_of_other_sites_may_not(origin: str) -> None:
    why = ACCESS.refusal(request({"Host": "localhost:8014", "Origin": origin}))
    assert "may not connect" in why


def test_other_sites_may_connect_if_that_is_asked_for() -> None:
    access = SiteAccess("secret", frozenset({"localhost"}), frozenset({"https://screens.example"}))
    headers = {"Host": "localhost:8014", "Origin": "https://screens.example"}
    assert not access.refusal(request(headers))
    trusted = headers | {"Cookie": f"live-reduction-8014={access.cookie}"}
    assert access.is_trusted(request(trusted))
    assert not access.may_write(request(trusted))
    assert access.may_write(request(trusted | {"Origin": "http://localhost:8014"}))


def test_other_sites_may_link_to_the_page_and_to_nothing_else() -> None:
    link = {"Host": "localhost", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert not ACCESS.refusal(request(link, "/"))
    assert ACCESS.refusal(request(link, "/info"))
    assert ACCESS.refusal(request(link | {"Sec-Fetch-Mode": "no-cors"}, "/"))
    assert not ACCESS.refusal(request(link | {"Sec-Fetch-Site": "same-origin"}, "/info"))


def cookie(value: str, peer: str = "127.0.0.1") -> Request:
    return request({"Host": "localhost", "Cookie": f"live-reduction-8014={value}"}, peer=peer)


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_the_cookie_lets_browsers_on_this_host_write(peer: str) -> None:
    assert ACCESS.may_write(cookie(ACCESS.cookie, peer))


def test_other_hosts_write_only_if_that_is_asked_for() -> None:
    assert not ACCESS.may_write(cookie(ACCESS.cookie, "192.0.2.7"))
    remote = SiteAccess("secret", frozenset(), remote_write=True)
    assert remote.may_write(cookie(remote.cookie, "192.0.2.7"))
    assert not remote.may_write(cookie("", "192.0.2.7"))


@pytest.mark.parametrize("value", ["", "secret", "x" * 64, "ü", ACCESS.cookie[:-1]])
def test_other_cookies_let_nobody_write(value: str) -> None:
    assert not ACCESS.may_write(cookie(value))


def test_the_cookie_does_not_tell_the_token() -> None:
    assert "secret" not in ACCESS.cookie
    assert ACCESS.cookie != SiteAccess("other", frozenset()).cookie


@pytest.mark.parametrize("text", ["", "secre", "secret ", "SECRET", "ü", "\udcff"])
def test_only_the_token_is_the_token(text: str) -> None:
    assert not ACCESS.is_token(text)
    assert ACCESS.is_token("secret")
