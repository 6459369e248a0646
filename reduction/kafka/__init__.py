"""Streams in Kafka: which topics they are, which rank reads which messages, and their readers.

Imports `reduction.event_log`, `reduction.messages` and `reduction.stream`. Front door:
`reduction.kafka.log_reader`; `reduction.kafka.client` alone imports the optional library.
"""
