"""Checks puts further and obeys them, after `ioc.ca.channel` has checked access, type and limits.

`ioc.puts.handlers` chooses the handler of a put. `order_puts` makes an order to ranks or simulator;
`order_checks` checks the order against the instrument, the files and the logs. `ioc_settings` holds
the settings of the IOC itself, and `scan_lock` the scan lock. `outlier_masks` and `picked_puts`
mask and group detectors. Two more handlers are `ioc.posting.file_write` (``File:Write``) and
`ioc.posting.iocstats` (``SYSRESET``).

Imports `ioc.pv_logs`, `ioc.ca`, `ioc.model` and `ioc.security`. Front door: `ioc.puts.handlers`.
"""
