"""From reports to process variables: results, health, files on disk, the state of the process.

`ioc.posting.publisher`, the front door, is where a result becomes the values of process variables.
Imports `ioc.puts`, `ioc.ca` and `ioc.model`.
"""
