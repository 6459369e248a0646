"""Where a put is checked and obeyed, after `ioc.ca.channel` has checked its type and limits.

`ioc.puts.handlers` chooses who takes a put: `order_puts` turns it into an order to ranks or
simulator, which `order_checks` checks against the instrument, the files and the logs;
`ioc_settings` keeps the IOC's own settings; `scan_lock` keeps other clients out during a scan.

Imports `ioc.ca`, `ioc.model` and `ioc.security`. Front door: `ioc.puts.handlers`.
"""
