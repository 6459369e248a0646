"""What the web server is started with."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ioc.options.commands import WebOptions
from web.limits import DEFAULT_LIMITS, WebLimits
from web.site.access import SiteAccess, is_loopback


@dataclass(frozen=True, kw_only=True)
class WebStart:
    """Which IOC is shown, where, and to whom.

    ``sockets`` listen already. ``expert``: web pages may also write restarts, the scan lock and
    paths of files. Process variables are found as ``search`` says, settings of pvAccess by the
    names of their environment variables; None: as the environment says.
    """

    prefix: str
    reductions: int
    sockets: Sequence[socket.socket]
    access: SiteAccess
    expert: bool = False
    search: Mapping[str, str] | None = None
    limits: WebLimits = DEFAULT_LIMITS


def web_start(options: WebOptions, sockets: Sequence[socket.socket], token: str) -> WebStart:
    """How to serve what the options ask for."""
    remote = not all(is_loopback(each) for each in options.page_addresses)
    own = {socket.gethostname().lower(), socket.getfqdn().lower()} if remote else set()
    names = frozenset({"localhost", *own, *_words(options.web_names.lower())})
    access = SiteAccess(
        token, names, frozenset(_words(options.web_origins)), remote_write=options.web_write
    )
    return WebStart(
        prefix=options.prefix,
        reductions=options.reductions,
        sockets=sockets,
        access=access,
        expert=options.web_expert,
    )


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
