"""The native engine: compiled passes (numba) from raw events to histogram cells.

Imports what engines share, and nothing of the Mantid engine. Front door:
`reduction.engines.native.engine`; an event gets its bin in
`reduction.engines.native.passes.kernels`.
"""
