"""Streams without marks: which pulse times are believed, which chunks are new, late or lost.

Imports `reduction.messages` and the modules of `reduction.stream` below the dialects. Front door:
`reduction.stream.plain.plain_partition`.
"""
