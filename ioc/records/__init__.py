"""What records of EPICS Base are like: their fields, names, conversions, deadbands and ranges.

Imports nothing else of ``ioc``. Front door: `ioc.records.record_types`.
"""
