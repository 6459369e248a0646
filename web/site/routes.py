"""The addresses of the site, and what each answers. All are read with GET; none changes anything.

======================  ==================================================
``/``                   the page; with ``?token=…`` sets the cookie
``/page/…``             its files
``/info``               what server this is, JSON
``/history``            the last hour of some readings, JSON
``/reference/…``        a frozen reference by its id, as on the WebSocket
``/download/xye``       the result that the page shows, as text
``/download/nexus``     and as NeXus
``/pvws/pv``            the WebSocket
======================  ==================================================
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
from aiohttp import WSCloseCode
from aiohttp.web import (
    Application,
    FileResponse,
    HTTPForbidden,
    HTTPMethodNotAllowed,
    HTTPNotFound,
    HTTPSeeOther,
    HTTPServiceUnavailable,
    HTTPTooManyRequests,
    Request,
    Response,
    StreamResponse,
    WebSocketResponse,
    middleware,
)

from web.message_rate import AddressRates
from web.site.access import SiteAccess, cookie_name, peer_address
from web.site.downloads import DOWNLOAD_FORMATS, Downloads, TooManyDownloads
from web.site.headers import add_headers
from web.sockets.services import SessionServices
from web.sockets.session import Session
from web.sockets.visitors import TooManyVisitors, Visitor
from web.values.history import History
from web.values.snapshot_result import NoResult, ResultSource

log = logging.getLogger(__name__)

PAGE_FOLDER = Path(__file__).parents[1] / "page"

PIECE_BYTES = 1 << 16
"""What is written of a reference at a time."""

ANSWERED_METHODS = ("GET", "HEAD")

Handler = Callable[[Request], Awaitable[StreamResponse]]


@dataclass(frozen=True)
class Site:
    """The site: its rules of access, and what it shows."""

    access: SiteAccess
    services: SessionServices
    history: History
    downloads: Downloads
    rates: AddressRates
    version: str

    def application(self) -> Application:
        """The application that answers all requests."""
        made = Application(middlewares=[self._guard], client_max_size=1024)
        made.on_response_prepare.append(add_headers)
        made.router.add_get("/", self._page)
        made.router.add_get("/info", self._info)
        made.router.add_get("/history", self._history)
        made.router.add_get("/reference/{id}", self._reference, allow_head=False)
        made.router.add_get("/download/{format}", self._download)
        made.router.add_get("/pvws/pv", self._socket)
        made.router.add_static("/page/", PAGE_FOLDER)
        return made

    @middleware
    async def _guard(self, request: Request, handler: Handler) -> StreamResponse:
        """Refuse what `SiteAccess` refuses, and every method but GET."""
        refusals, who = self.services.refusals, peer_address(request)
        if request.method not in ANSWERED_METHODS:
            refusals.add("request", who, f"method {request.method}")
            raise HTTPMethodNotAllowed(request.method, ANSWERED_METHODS)
        if not self.rates.admit(who):
            refusals.add("request rate", who, "more requests than the server takes")
            raise HTTPTooManyRequests(text="too many requests; try again in a few seconds")
        if why := self.access.refusal(request):
            refusals.add("request", who, why)
            raise HTTPForbidden(text=why)
        return await handler(request)

    async def _page(self, request: Request) -> StreamResponse:
        """The page. With the token: the cookie, and a redirect to the address without it."""
        token = request.query.get("token")
        if token is None:
            return FileResponse(PAGE_FOLDER / "index.html")
        if not self.access.is_token(token):
            self.services.refusals.add("token", peer_address(request), "a wrong token")
            raise HTTPForbidden(
                text="This is not the token of this server. The server prints its address when it"
                " starts; without a token the page can be read: leave out ?token=..."
            )
        leave = HTTPSeeOther("/", headers={"Cache-Control": "no-store"})
        leave.set_cookie(
            cookie_name(request), self.access.cookie, path="/", httponly=True, samesite="Strict"
        )
        raise leave

    async def _info(self, request: Request) -> StreamResponse:
        trusted, may_write = self.access.is_trusted(request), self.access.may_write(request)
        visitor = Visitor("", peer_address(request), trusted, may_write)
        return _json(self.services.info(visitor))

    async def _history(self, _request: Request) -> StreamResponse:
        return Response(body=self.history.json(), content_type="application/json")

    async def _reference(self, request: Request) -> StreamResponse:
        """A frozen reference, as a binary message."""
        content = self.services.references.content(request.match_info["id"])
        if content is None:
            raise HTTPNotFound(text="this reference is not kept, or not any more")
        answer = StreamResponse(headers={"Content-Type": "application/octet-stream"})
        answer.content_length = len(content)
        await answer.prepare(request)
        try:
            async with asyncio.timeout(self.services.limits.send_s):
                await _write_in_pieces(answer, content)
        except TimeoutError:
            self.services.refusals.add("slow visitor", peer_address(request), "reads no reference")
            if request.transport is not None:
                request.transport.abort()
        return answer

    async def _download(self, request: Request) -> StreamResponse:
        """A file of the result of a reduction, by its number from 1."""
        names, number = self.services.names, request.query.get("reduction", "1")
        file_format = request.match_info["format"]
        if file_format not in DOWNLOAD_FORMATS:
            raise HTTPNotFound(text=f"a format is one of {', '.join(DOWNLOAD_FORMATS)}")
        if number not in [str(each + 1) for each in range(names.reductions)]:
            raise HTTPNotFound(text=f"reductions are 1 to {names.reductions}")
        source = ResultSource(names, int(number) - 1, self.version)
        try:
            made = await self.downloads.download(source, file_format)
        except (NoResult, TooManyDownloads) as error:
            raise HTTPServiceUnavailable(text=str(error)) from None
        attached = {"Content-Disposition": f'attachment; filename="{made.name}"'}
        return Response(body=made.content, content_type=made.content_type, headers=attached)

    async def _socket(self, request: Request) -> StreamResponse:
        """The WebSocket of a visitor."""
        limits, transport = self.services.limits, request.transport
        socket = WebSocketResponse(
            max_msg_size=limits.message_bytes,
            heartbeat=limits.heartbeat_s,
            autoping=False,
            compress=False,
        )
        address = peer_address(request)
        try:
            visitor = self.services.visitors.admit(
                address, self.access.is_trusted(request), self.access.may_write(request)
            )
        except TooManyVisitors as refused:
            self.services.refusals.add("socket", address, str(refused))
            await socket.prepare(request)
            await socket.close(code=WSCloseCode.TRY_AGAIN_LATER, message=str(refused).encode())
            return socket
        await socket.prepare(request)
        assert transport is not None
        await Session(socket, visitor, self.services, transport.abort).run()
        return socket


async def _write_in_pieces(answer: StreamResponse, content: bytes) -> None:
    """Write ``content`` as fast as it is read; one large write would be copied for each visitor."""
    with contextlib.suppress(ConnectionError):  # the visitor has left
        for start in range(0, len(content), PIECE_BYTES):
            await answer.write(content[start : start + PIECE_BYTES])
        await answer.write_eof()


def _json(content: object) -> Response:
    return Response(body=msgspec.json.encode(content), content_type="application/json")
