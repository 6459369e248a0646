"""The event stream: its logs, and its partitions put together to complete pulses.

Imports `reduction.messages`. Front door: `reduction.stream.pulse_assembler`; what differs between
streams with and without marks is in `reduction.stream.marked` and `reduction.stream.plain`.
"""
