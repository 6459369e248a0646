"""The command line, the server put together, and the processes that the IOC runs.

Imports everything. Front door: `ioc.app.cli`.
"""
