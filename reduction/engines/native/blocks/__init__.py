"""Retained events in blocks, their order by value, and what is counted from ordered blocks.

Imports the compiled passes. Front door: `reduction.engines.native.blocks.event_store`.
"""
