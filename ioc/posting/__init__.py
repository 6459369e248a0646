"""From reports to process variables: results, health, files on disk, the IOC's own process.

Imports `ioc.puts`, `ioc.ca` and `ioc.model`. Front door: `ioc.posting.publisher`.
"""
