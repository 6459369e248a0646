"""Memory of a process: which limit it has reached, and when Python searches for garbage.

Imports nothing of ours. Front door: `reduction.host.memory.memory_limits`.
"""
