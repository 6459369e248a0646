"""NeXus event files of facilities, read as recordings: their events, pulses, logs, charge and run.

Imports `reduction.event_log` and `reduction.messages`. Front door:
`reduction.recordings.nexus.recording`.
"""
