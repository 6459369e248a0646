"""Which pulses count: by the run state, the presets and the series, and for how long they measured.

Imports what ranks take in and what they count. Front door: `reduction.ranks.pulses.accumulation`.
"""
