"""Streams with a mark at the end of each pulse: which marks are believed, which chunks are lost.

Imports `reduction.messages` and the modules of `reduction.stream` below the dialects. Front door:
`reduction.stream.marked.marked_partition`.
"""
