"""What is written from the list of process variables: operator screens, tables, lists.

Imports `ioc.model`. Front doors: `ioc.generated.screens` and `ioc.generated.exports`.
"""
