"""The files of an event log: segments with records, how they are written, read and dropped.

Imports entries and the protocol. Front door: `reduction.event_log.storage.segments`.
"""
