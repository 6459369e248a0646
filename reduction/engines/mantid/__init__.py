"""The Mantid engine: the same chain in Mantid's algorithms.

Imports what engines share, and nothing of the native engine. Front door:
`reduction.engines.mantid.engine`; `reduction.engines.mantid.framework` alone imports Mantid.
"""
