"""Event logs: streams in partitions that can be read again, on this host or from another one.

Imports `reduction.stream` alone. Front door: `reduction.event_log.protocol`, which says what a
reader does. The readers are `reduction.event_log.embedded`, `reduction.event_log.remote` and
`reduction.event_log.kafka`; sources use `reduction.event_log.writer`.
"""
