"""The puts of one visitor: done, logged, answered, and told to all pages."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from reduction.parameters.specs import shown
from web.sockets.client_messages import Write
from web.sockets.json_text import encode
from web.sockets.outbox import VisitorGone
from web.sockets.services import SessionServices
from web.sockets.visitors import Visitor
from web.values.names import NameRefused
from web.values.pva_client import PutRefused
from web.values.shared_pvs import TooManyPvs

log = logging.getLogger("web.puts")


class VisitorPuts:
    """Puts values for a visitor, whose answers are sent by ``answer``."""

    def __init__(
        self, visitor: Visitor, services: SessionServices, answer: Callable[[bytes], None]
    ) -> None:
        self._visitor, self._services, self._answer = visitor, services, answer
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, write: Write) -> None:
        """Begin a put; it is refused if too many wait for the IOC."""
        if len(self._tasks) >= self._services.limits.puts_at_once:
            self._answer_put(write, f"{write.pv}: {len(self._tasks)} puts wait for an answer")
            return
        task = asyncio.create_task(self._put(write))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def cancel(self) -> None:
        """Wait for no answer any more; the IOC may obey puts that it has got."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _put(self, write: Write) -> None:
        who, value = self._visitor, shown(write.value)
        why = await self._refusal(write)
        if why:
            self._services.refusals.add("put", str(who), why)
        if who.may_write:  # others could fill the log
            ending = f", which was refused: {why}" if why else ""
            log.info("%s put %s = %s%s", who, repr(write.pv)[1:-1], value, ending)
            told = {"session": who.name, "pv": write.pv, "value": value, "message": why}
            self._services.visitors.tell_all(encode({"type": "put"} | told))
        with contextlib.suppress(VisitorGone):  # the task that sends finds that, too
            self._answer_put(write, why)

    async def _refusal(self, write: Write) -> str:
        """Do a put; why it was refused, or empty."""
        services = self._services
        try:
            if not self._visitor.may_write:
                raise PutRefused(f"{write.pv}: this page is read only")
            await services.puts.put(services.names.find(write.pv), write.value)
        except (PutRefused, NameRefused, TooManyPvs) as refused:
            return str(refused)
        return ""

    def _answer_put(self, write: Write, why: str) -> None:
        """Answer a put as PVWS does, or as our page asks for with an id."""
        if write.id is not None:
            answer = {"type": "written", "id": write.id, "ok": not why}
            self._answer(encode(answer | ({"message": why} if why else {})))
        elif why:
            self._answer(encode({"type": "error", "message": why}))
