"""The settings to begin with, and the file that keeps them over a restart.

Imports `ioc.ca` and `ioc.model`. Front door: `ioc.settings.initial`.
"""
