"""The event stream: its messages, its logs, and partitions put together to complete pulses.

Imports nothing else of the project. Front door: `reduction.stream.pulse_assembler`.
"""
