"""JSON as it is sent."""

from __future__ import annotations

import msgspec

encode = msgspec.json.Encoder().encode
"""Makes the JSON of an object, as UTF-8; NaN becomes null."""
