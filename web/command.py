"""The command ``live-reduction web``, alone or as a child process of ``run``."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Mapping

from ioc.options.commands import WebOptions
from ioc.options.program import StartError
from ioc.page.handover import given_sockets, given_token
from ioc.page.listening import address_of, listening_sockets


def page_served() -> bool:
    """Whether the web page can be served here: it needs p4p."""
    return importlib.util.find_spec("p4p") is not None


def web_command(options: WebOptions, environment: Mapping[str, str]) -> None:
    """Serve until stopped; raises `StartError`."""
    if not page_served():
        raise StartError("web needs p4p: pip install 'epics-live-reduction[pva]'")
    from web.serve import serve
    from web.start import web_start

    token, sockets = given_token(environment), given_sockets(environment)
    if not sockets:
        sockets = listening_sockets(options.page_addresses, options.web_port)
        print(f"Open {address_of(sockets, token)} in a browser. Ctrl-C ends it.", flush=True)
    asyncio.run(serve(web_start(options, sockets, token)))
