"""Engines keep events and make histograms of them; here is what both engines share.

Imports `reduction.instrument` and `reduction.parameters`. Front door:
`reduction.engines.protocol`; `native` and `mantid` are the two engines and do not know each other.
"""
