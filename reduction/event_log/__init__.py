"""Event logs: streams in partitions that can be read again, on this host or from another one.

Imports `reduction.messages` and `reduction.stream`. Front door: `reduction.event_log.protocol`,
which says what a reader does. The readers are `reduction.event_log.embedded` and
`reduction.event_log.network.remote`; sources use `reduction.event_log.writer`.
"""
