"""The IOC: process variables for what is set and measured, and the processes behind them.

Imports `reduction` and `simulator`. Start at `ioc.model.pvs` (which process variables there are)
and `ioc.app.server.live_server` (what is wired to what).
"""
