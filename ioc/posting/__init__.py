"""Posts reports as PV values; also alarms, files of results, and the state of the IOC's process.

Imports `ioc.puts`, `ioc.ca` and `ioc.model`. Front door: `ioc.posting.publisher`, where a result
becomes the values of process variables.
"""
