"""The settings to begin with, and the file that keeps them over a restart.

Imports `ioc.model` and `ioc.options`. Front doors: `ioc.settings.initial` (defaults and ``--set``),
`ioc.settings.restore` (saved settings) and `ioc.settings.autosave` (the file).
"""
