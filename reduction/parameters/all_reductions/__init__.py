"""What concerns all reductions: settings, commands and readings of stream, ranks and series.

Imports how parameters are declared. Front door: `reduction.parameters.all_reductions.run`.
"""
