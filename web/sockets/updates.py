"""Updates of process variables as JSON, as PVWS defines them; each is encoded once for everybody.

The first update of a subscription has all metadata, later ones only what can change. The name is
not part of what is shared, because a client gets the name back as it wrote it.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from web.sockets.json_text import encode
from web.values.pv_value import SEVERITY_WORDS, PvMetadata, WebValue

METADATA_NAMES = {
    "vtype": "vtype",
    "units": "units",
    "description": "description",
    "precision": "precision",
    "low": "min",
    "high": "max",
}
"""The fields of `PvMetadata`, and their names in PVWS."""


def head(name: str) -> bytes:
    """The beginning of every update of a subscription, up to the comma before its rest."""
    return b'{"type":"update","pv":' + encode(name) + b","


class SharedUpdates:
    """The parts of updates that are equal for all visitors, made when they are first needed."""

    def __init__(self) -> None:
        self._made: WeakKeyDictionary[WebValue, dict[tuple[bool, bool, bool], bytes]] = (
            WeakKeyDictionary()
        )

    def rest(self, value: WebValue, complete: bool, readonly: bool, with_arrays: bool) -> bytes:
        """An update after its `head`.

        ``complete``: with metadata, and whether the client may write. ``with_arrays``: arrays are
        in it as base64.
        """
        made = self._made.setdefault(value, {})
        key = (complete, readonly and complete, with_arrays)
        if key not in made:
            made[key] = encode(_fields(value, complete, readonly, with_arrays))[1:]
        return made[key]


DISCONNECTED_REST = encode({"severity": "UNDEFINED", "connected": False})[1:]
"""The rest of the update that tells that a process variable is disconnected."""


def _fields(
    value: WebValue, complete: bool, readonly: bool, with_arrays: bool
) -> Mapping[str, Any]:
    """The fields of an update, without type and name."""
    fields: dict[str, Any] = {}
    if complete:
        fields = {"connected": True, "readonly": readonly, **_described(value.metadata)}
    fields["severity"] = SEVERITY_WORDS[value.severity]
    labels = value.metadata.labels
    match value.value:
        case str(text):
            fields["text"] = text
        case int(index) if labels:
            fields["value"] = index
            fields["text"] = labels[index] if 0 <= index < len(labels) else str(index)
        case float(number) if not math.isfinite(number):
            fields["value"] = "NaN"
        case None:
            if with_arrays:
                fields |= _arrays(value)
        case number:
            fields["value"] = number
    return fields | {"seconds": value.seconds, "nanos": value.nanos}


def _arrays(value: WebValue) -> Mapping[str, str]:
    """The array of a process variable as base64; a structure in words, for PVWS has none."""
    if value.fields is not None:
        return {"text": "a structure: subscribe with binary, or read it by pvAccess"}
    numbers = (value.arrays or {})["value"]
    return {"b64dbl": base64.b64encode(numbers.astype("<f8", copy=False).tobytes()).decode()}


def _described(metadata: PvMetadata) -> Mapping[str, Any]:
    found = {
        name: getattr(metadata, field)
        for field, name in METADATA_NAMES.items()
        if getattr(metadata, field) is not None
    }
    if metadata.low is not None and not metadata.low < (metadata.high or 0):
        del found["min"], found["max"]  # two equal limits mean no limits
    return found | ({"labels": metadata.labels} if metadata.labels else {})
