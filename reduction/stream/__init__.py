"""The event stream: its messages, and partitions of messages put together to whole pulses.

Imports nothing else of the project. Front door: `reduction.stream.partitions`.
"""
