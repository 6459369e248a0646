"""Operator screens, tables and lists that are generated from the list of process variables.

Imports `ioc.model`. Front doors: `ioc.generated.screens` and `ioc.generated.exports`.
"""
