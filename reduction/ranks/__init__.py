"""The MPI ranks: each reads its partitions, and at each tick they act as one.

Events come in by `reduction.ranks.intake`; `reduction.ranks.pulses` has which of them count,
`reduction.ranks.counting` what is counted, and `reduction.ranks.reporting` what the IOC gets.
Imports all of `reduction` except `reduction.definitions`. Front door: `reduction.ranks.process`;
the tick is in `reduction.ranks.rank`, all MPI calls are in `reduction.ranks.collectives`.
"""
