"""Engines keep events and make histograms of them; here is what both engines share.

Imports `reduction.instrument` and `reduction.parameters`. Front door:
`reduction.engines.protocol`. The two engines, `reduction.engines.native` and
`reduction.engines.mantid`, do not know each other.
"""
