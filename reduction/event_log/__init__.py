"""Event logs: streams in partitions that can be read again, on this host or from another one.

Imports `reduction.stream` alone. Front door: `reduction.event_log.protocol`, which says what a
reader does. `embedded`, `remote` and `reduction.event_log.kafka` are the readers; `writer` is for
sources.
"""
