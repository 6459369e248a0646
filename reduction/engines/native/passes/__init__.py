"""Compiled passes over events, each a loop in a function of numba, and the tables that they read.

Imports nothing else of the engine. Front door: `reduction.engines.native.passes.kernels`.
"""
