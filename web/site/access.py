"""Who may visit, and who may write: token and cookie, the headers Host and Origin, addresses.

- A request whose ``Host`` is no name of this server is refused: a page of another site could have
  its name resolved to this host (DNS rebinding).
- A request that a page of another site makes (``Origin``, ``Sec-Fetch-Site``) is refused, except
  that it may link to the page.
- The token, or the cookie that was given for it, is compared in constant time. It gives the right
  to write from this host; from other hosts only with ``--web-write``.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from dataclasses import dataclass

from aiohttp.web import Request

LINKED_PATHS = frozenset({"/"})
"""Paths that pages of other sites may link to."""

HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([^\[\]:@/\s]+))(?::[0-9]{1,5})?")
"""A ``Host``: an IPv6 address in brackets or another name, and perhaps a port."""

COOKIE_NAME = "live-reduction-{port}"
"""Cookies are shared by all ports of a host, so the name has the port."""


@dataclass(frozen=True)
class SiteAccess:
    """The rules of one server.

    ``names``: names, besides addresses, by which browsers reach it. ``origins``: other sites whose
    pages may connect, as ``https://host:port``. ``remote_write``: the token also lets other hosts
    write.
    """

    token: str
    names: frozenset[str]
    origins: frozenset[str] = frozenset()
    remote_write: bool = False

    def refusal(self, request: Request) -> str:
        """Why a request is refused; empty if it is not."""
        hosts = request.headers.getall("Host", [])
        if len(hosts) != 1 or not self._is_ours(hosts[0], _address(request, "sockname")):
            return f"this server is not {' '.join(hosts)[:100]!r}; see --web-names"
        origins = request.headers.getall("Origin", [])
        if any(not self._may_read(origin, hosts[0]) for origin in origins):
            return f"pages of {' '.join(origins)[:100]!r} may not connect; see --web-origins"
        if not origins and _by_another_site(request):
            return "pages of other sites may not read this"
        return ""

    def is_token(self, text: str) -> bool:
        """Whether a text is the token; takes the same time for every text."""
        return _are_equal(text, self.token)

    @property
    def cookie(self) -> str:
        """The value of the cookie that stands for the token."""
        return hmac.new(self.token.encode(), b"cookie", hashlib.sha256).hexdigest()

    def is_trusted(self, request: Request) -> bool:
        """Whether a request has the cookie."""
        given = request.cookies.get(cookie_name(request), "")
        return _are_equal(given, self.cookie)

    def may_write(self, request: Request) -> bool:
        """Whether the visitor that makes a request may write; pages of other sites never may."""
        here = is_loopback(_address(request, "peername"))
        host = request.headers.get("Host", "")
        own = all(_is_same_site(each, host) for each in request.headers.getall("Origin", []))
        return own and self.is_trusted(request) and (here or self.remote_write)

    def _is_ours(self, host: str, own_address: str) -> bool:
        """Whether ``Host`` names this server: one of its names, or the address that was used."""
        name = _host_name(host)
        if name in self.names:
            return True
        return is_loopback(name) or (bool(own_address) and name == own_address)

    def _may_read(self, origin: str, host: str) -> bool:
        return _is_same_site(origin, host) or origin in self.origins


def _is_same_site(origin: str, host: str) -> bool:
    """Whether a page comes from the server that was asked."""
    scheme, _, rest = origin.lower().partition("://")
    return scheme in ("http", "https") and rest == host.lower()


def _are_equal(given: str, secret: str) -> bool:
    """Whether two texts are equal, in a time that does not depend on where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), secret.encode())


def _by_another_site(request: Request) -> bool:
    """Whether a browser says that another site's page makes the request, and it is no link."""
    if request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin"):
        return False
    is_link = request.headers.get("Sec-Fetch-Mode") == "navigate"
    return not (is_link and request.path in LINKED_PATHS)


def cookie_name(request: Request) -> str:
    """The name of the cookie of the server that a request has come to."""
    assert request.transport is not None
    return COOKIE_NAME.format(port=request.transport.get_extra_info("sockname")[1])


def peer_address(request: Request) -> str:
    """The IP address that a request comes from."""
    return _address(request, "peername")


def _address(request: Request, end: str) -> str:
    """An IP address of the connection, IPv4-mapped IPv6 as IPv4; empty if it is closed."""
    found = request.transport.get_extra_info(end) if request.transport else None
    return plain_ip(str(found[0])) if found else ""


def plain_ip(text: str) -> str:
    """An IP address in its usual form; any other text as it is."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    return str(getattr(address, "ipv4_mapped", None) or address)


def is_loopback(address: str) -> bool:
    """Whether a text is an IP address of this host alone."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _host_name(host: str) -> str:
    """The name or address in a ``Host``, without the port; all of it if it is not as it should."""
    found = HOST.fullmatch(host.lower())
    return plain_ip(found[1] or found[2]) if found else host
