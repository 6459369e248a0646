"""The command ``live-reduction web``, alone or as a child process of ``run``.

As a child it gets the token and the sockets, which listen already, in environment variables: other
users of the host can read a command line, but no environment.
"""

from __future__ import annotations

import asyncio
import importlib.util
import secrets
import socket
from collections.abc import Mapping, Sequence

from ioc.options.commands import WebOptions
from ioc.options.program import StartError
from web.listening import address_of, listening_sockets

TOKEN_VARIABLE = "LIVE_REDUCTION_WEB_TOKEN"
"""Environment variable with the token; a random one is made if it is not set."""

SOCKETS_VARIABLE = "LIVE_REDUCTION_WEB_SOCKETS"
"""Environment variable with the file descriptors of sockets that listen, by commas."""


def new_token() -> str:
    """A random token."""
    return secrets.token_urlsafe(24)


def child_environment(token: str, sockets: Sequence[socket.socket]) -> dict[str, str]:
    """The environment variables that pass the token and the sockets on to a child process."""
    numbers = ",".join(str(each.fileno()) for each in sockets)
    return {TOKEN_VARIABLE: token, SOCKETS_VARIABLE: numbers}


def page_served() -> bool:
    """Whether the web page can be served here: it needs p4p."""
    return importlib.util.find_spec("p4p") is not None


def web_command(options: WebOptions, environment: Mapping[str, str]) -> None:
    """Serve until stopped; raises `StartError`."""
    if not page_served():
        raise StartError("web needs p4p: pip install 'epics-live-reduction[pva]'")
    from web.serve import serve
    from web.start import web_start

    token = environment.get(TOKEN_VARIABLE) or new_token()
    inherited = environment.get(SOCKETS_VARIABLE, "")
    if inherited:
        sockets = [socket.socket(fileno=int(number)) for number in inherited.split(",")]
    else:
        sockets = listening_sockets(options.page_addresses, options.web_port)
        print(f"Open {address_of(sockets, token)} in a browser. Ctrl-C ends it.", flush=True)
    asyncio.run(serve(web_start(options, sockets, token)))
