"""Options of the web page, which ``run`` and ``web`` share."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from ioc.options.flags import Options, flag
from ioc.options.program import StartError


def _check_addresses(text: str) -> None:
    """Raise `StartError` for an address that is none."""
    for address in text.split(","):
        try:
            ipaddress.ip_address(address.strip())
        except ValueError:
            raise StartError(f"web_interfaces = {address!r}: no IP address") from None


def _check_origins(text: str) -> None:
    """Raise `StartError` for what is no origin, as browsers write it."""
    for origin in filter(None, (each.strip() for each in text.split(","))):
        if not re.fullmatch(r"https?://[a-z0-9.\[\]:-]+", origin):
            raise StartError(f"web_origins = {origin!r}: it is like https://host.example:8080")


@dataclass(frozen=True, kw_only=True)
class PageOptions(Options):
    """Where the web page is, and what it may do."""

    web_interfaces: str = flag(
        "127.0.0.1", "addresses to serve the web page on, by commas", check=_check_addresses
    )
    web_port: int = flag(
        0, "port of the web page; 0: 8014, or any other if it is taken", least=0, most=65535
    )
    web_names: str = flag(
        "", "further names by which browsers reach the web page, by commas, e.g. of a proxy"
    )
    web_origins: str = flag(
        "",
        "other sites whose pages may read, by commas, e.g. https://host.example:8080",
        check=_check_origins,
    )
    web_write: bool = flag(
        False, "with the token, browsers on other hosts may write too, not only those on this host"
    )
    web_expert: bool = flag(
        False, "the web page may also write restarts, the scan lock and paths of files"
    )

    @property
    def page_addresses(self) -> tuple[str, ...]:
        """The addresses to serve the web page on."""
        return tuple(word.strip() for word in self.web_interfaces.split(","))
