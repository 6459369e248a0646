"""The MPI ranks: each reads its partitions, and at each tick they act as one.

Imports all of `reduction` except `reduction.definitions`. Front door: `reduction.ranks.process`;
the tick is in `reduction.ranks.rank`, all MPI calls are in `reduction.ranks.collectives`.
"""
