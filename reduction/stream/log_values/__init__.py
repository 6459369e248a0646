"""Values of logs, as temperatures and pressures, over time: noted as they come, late ones, too.

Imports pulses and notices. Front door: `reduction.stream.log_values.logs`.
"""
