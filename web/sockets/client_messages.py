"""The messages that a visitor may send, and their checks."""

from __future__ import annotations

from typing import Annotated

import msgspec

LONGEST_VALUE = 65_536
"""Most characters of a value; lists of masked pixels are long."""

LONGEST_NAME_TEXT = 500
"""Most characters of a name, which is checked further when it is looked for."""

MOST_NAMES = 2000
"""Most names in one message."""

LONGEST_MESSAGE_REASON = 200

PvNameText = Annotated[str, msgspec.Meta(max_length=LONGEST_NAME_TEXT)]
ValueText = Annotated[str, msgspec.Meta(max_length=LONGEST_VALUE)]
PvNameTexts = Annotated[list[PvNameText], msgspec.Meta(max_length=MOST_NAMES)]


class MessageRefused(ValueError):
    """A message that is not understood; the text says why."""


class Subscribe(msgspec.Struct, tag="subscribe", frozen=True):
    """Asks for updates; ``binary``: in the form of our page, see `web.sockets.frames`.

    ``arrays``: which arrays of structures are sent; all if it is not given.
    """

    pvs: PvNameTexts
    binary: bool = False
    arrays: PvNameTexts | None = None


class SubscribeByOldName(msgspec.Struct, tag="monitor", frozen=True):
    """The same, under the name that epics2web has for it."""

    pvs: PvNameTexts


class Clear(msgspec.Struct, tag="clear", frozen=True):
    """Ends subscriptions."""

    pvs: PvNameTexts


class ListSubscriptions(msgspec.Struct, tag="list", frozen=True):
    """Asks for the names of all subscriptions."""


class Write(msgspec.Struct, tag="write", frozen=True):
    """Puts a value; with ``id`` the put is answered when it is done."""

    pv: PvNameText
    value: float | int | ValueText | bool
    id: int | None = None


class Keep(msgspec.Struct, tag="keep", frozen=True):
    """Asks that a result which the client has got is kept as a reference; always answered.

    ``pv`` is the name of the snapshot, ``result`` the number in its binary message.
    """

    pv: PvNameText
    result: int
    id: int


class Ping(msgspec.Struct, tag="ping", frozen=True):
    """Asks for a ping of the WebSocket."""


class Echo(msgspec.Struct, tag="echo", frozen=True):
    """Asks for the same message."""


class Pace(msgspec.Struct, tag="pace", frozen=True):
    """Asks for updates at least ``seconds`` apart."""

    seconds: Annotated[float, msgspec.Meta(ge=0)]


VisitorMessage = (
    Subscribe | SubscribeByOldName | Clear | ListSubscriptions | Write | Keep | Ping | Echo | Pace
)

_DECODER: msgspec.json.Decoder[VisitorMessage] = msgspec.json.Decoder(VisitorMessage)


def parsed(text: str | bytes) -> VisitorMessage:
    """The message in a text; raises `MessageRefused`."""
    try:
        return _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise MessageRefused(f"not understood: {error}"[:LONGEST_MESSAGE_REASON]) from None
    except RecursionError:
        raise MessageRefused("not understood: nested too deeply") from None
