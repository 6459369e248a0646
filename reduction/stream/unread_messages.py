"""Tells in words if messages come of which nothing can be made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from reduction.messages.contents import OLD_SCHEMAS
from reduction.stream.notices import Notices

UNREAD_NS = 2_000_000_000
"""A notice is given if nothing but messages that cannot be read has come for this time."""

MOST_KINDS = 10
"""Most kinds of messages that are counted each by itself."""

UNREAD, OLD = "unread", "old schema"
"""Subjects of notices."""


CORRUPT = "corrupt"


class UnreadMessages:
    """The messages since the last chunk of events, or mark, that cannot be read.

    Once there were events, messages of other schemas among them are as it should be.
    """

    def __init__(self, clock_ns: Callable[[], int], notices: Notices) -> None:
        self._clock_ns, self._notices = clock_ns, notices
        self._since_ns: int | None = None
        self._kinds: Counter[str] = Counter()
        self._events_came = False

    def read(self) -> None:
        """Note a message that can be read."""
        self._events_came = True
        if self._since_ns is not None:
            self._since_ns = None
            self._kinds.clear()
            self._notices.withdraw(UNREAD)

    def note(self, kind: str) -> None:
        """Note a message that cannot be read: its schema, or `CORRUPT`."""
        if self._events_came and kind != CORRUPT:
            return
        now_ns = self._clock_ns()
        if self._since_ns is None:
            self._since_ns = now_ns
        self._kinds[kind if len(self._kinds) < MOST_KINDS else "others"] += 1
        if now_ns - self._since_ns > UNREAD_NS:
            found = ", ".join(f"{number} {each}" for each, number in self._kinds.most_common(3))
            self._notices.give(UNREAD, f"no events come, but messages that are not read: {found}")

    def note_schema(self, schema: str) -> None:
        """Note a message of a schema that is not read; tell if it is an old one."""
        is_name = schema.isascii() and schema.isalnum()
        self.note(f"of schema {schema}" if is_name else "of no schema")
        if schema in OLD_SCHEMAS:
            self._notices.give(
                OLD, f"messages of the old schema {schema} come: only ev44 and f144 are read"
            )
