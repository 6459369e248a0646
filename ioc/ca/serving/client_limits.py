"""What one client of Channel Access can make this process hold."""

from __future__ import annotations

READ_BYTES = 1 << 14
"""Most bytes that are taken from a client at once.

caproto holds with each message all that came behind it. With 64 kB that would be 64 MB for each
client whose small messages wait to be handled.
"""

MOST_REQUEST_BYTES = 1 << 20
"""Longest message of a client. The longest text that can be put has 60 000 characters."""

MOST_REQUESTS = 16
"""Most messages of a client that are taken before they are handled; then it has to wait."""

MOST_CHANNELS = 100_000
"""Most channels of a client at a time, of about 1 kB each."""

MOST_MONITORS = 20_000
"""Most monitors of a client at a time, of about 2 kB each."""
