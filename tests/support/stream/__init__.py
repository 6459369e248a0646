"""Streams, event logs and recordings, and what is in them."""
