"""From events to histograms: the reduction and everything that it is set to.

Imports neither `simulator` nor `ioc`. Start at `reduction.ranks.process`, which runs a rank, and
`reduction.engines.protocol`, which says what an engine does.
"""
