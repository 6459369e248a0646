"""Recordings: streams that have ended. They are made, played again, and read as event logs.

Imports `reduction.event_log`, `reduction.stream` and `reduction.host`. Front door:
`reduction.recordings.open_recording`.
"""
