"""Reduction engines: the same chain from events to histograms, in different hands."""
