"""The first settings of an IOC, and the file that keeps settings over a restart.

Imports `ioc.model` and `ioc.options`. Front doors: `ioc.settings.initial` (defaults and ``--set``),
`ioc.settings.restore` (saved settings) and `ioc.settings.autosave` (the file).
"""
