"""Updates as JSON of PVWS, and as binary messages."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import numpy as np
import pytest

from tests.support.ioc.web_bench import decoded
from web.sockets.frames import SharedFrames
from web.sockets.updates import SharedUpdates, head
from web.values.pv_value import PvMetadata, WebValue

DOUBLE = PvMetadata("VDouble", units="s", description="Age", precision=3, low=0.0, high=10.0)


def update(value: WebValue, complete: bool = True, readonly: bool = False) -> dict[str, Any]:
    found = json.loads(head("T:A") + SharedUpdates().rest(value, complete, readonly, True))
    assert isinstance(found, dict)
    return found


def test_the_first_update_has_all_that_describes_the_value() -> None:
    assert update(WebValue(DOUBLE, 1, 10, 20, value=2.5)) == {
        "type": "update",
        "pv": "T:A",
        "connected": True,
        "readonly": False,
        "vtype": "VDouble",
        "units": "s",
        "description": "Age",
        "precision": 3,
        "min": 0.0,
        "max": 10.0,
        "severity": "MINOR",
        "value": 2.5,
        "seconds": 10,
        "nanos": 20,
    }


def test_later_updates_have_what_may_have_changed() -> None:
    found = update(WebValue(DOUBLE, 0, 10, 20, value=2.5), complete=False)
    assert found.keys() == {"type", "pv", "severity", "value", "seconds", "nanos"}


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_in_json_is_nan_as_a_text(number: float) -> None:
    assert update(WebValue(DOUBLE, 0, 0, 0, value=number))["value"] == "NaN"


def test_a_state_has_its_index_its_label_and_all_labels() -> None:
    states = PvMetadata("VEnum", labels=("Run", "Pause"))
    found = update(WebValue(states, 0, 0, 0, value=1))
    assert (found["value"], found["text"], found["labels"]) == (1, "Pause", ["Run", "Pause"])
    assert update(WebValue(states, 0, 0, 0, value=7))["text"] == "7"


def test_equal_limits_are_no_limits() -> None:
    found = update(WebValue(PvMetadata("VDouble", low=0.0, high=0.0), 0, 0, 0, value=1.0))
    assert not {"min", "max"} & found.keys()


def test_an_array_is_base64_of_little_endian_numbers() -> None:
    numbers = np.array([1.5, -2.0, math.nan])
    array = WebValue(PvMetadata("VDoubleArray"), 0, 0, 0, arrays={"value": numbers})
    found = base64.b64decode(update(array)["b64dbl"])
    np.testing.assert_array_equal(np.frombuffer(found, "<f8"), numbers)


def test_a_binary_message_has_the_arrays_aligned() -> None:
    edges, counts = np.array([0.1, 0.2, 0.3, 0.4]), np.array([1.0, 2.0, math.nan])
    value = WebValue(
        PvMetadata("VTable"), 0, 5, 6, arrays={"XE": edges, "Y": counts}, fields={"units": "Å"}
    )
    frames, kinds = SharedFrames(), {"XE": "f8", "Y": "f4"}
    found = decoded(frames.frame(value, "T:S", kinds.__getitem__, value.arrays or {}, {}))
    assert found.header["fields"] == {"units": "Å"}
    assert (found.header["pv"], found.header["seconds"]) == ("T:S", 5)
    np.testing.assert_array_equal(found.arrays["XE"], edges)
    np.testing.assert_array_equal(found.arrays["Y"], counts.astype(np.float32))


def test_arrays_that_the_client_has_are_left_out_and_messages_are_made_once() -> None:
    edges, counts = np.arange(4.0), np.arange(3.0)
    arrays = {"XE": edges, "Y": counts}
    value = WebValue(PvMetadata("VTable"), 0, 0, 0, arrays=arrays, fields={})
    frames = SharedFrames()
    first = frames.frame(value, "T:S", lambda _: "f8", arrays, {"XE": edges})
    found = decoded(first)
    assert found.header["arrays"][0] == {"name": "XE", "dtype": "f8", "shape": [4], "same": True}
    assert list(found.arrays) == ["Y"]
    assert frames.frame(value, "T:S", lambda _: "f8", arrays, {"XE": edges}) is first
