"""What a rank takes from its partitions: the readers, and how much they may bring in a tick.

Imports `reduction.ranks.collectives`, no other room of the ranks. Front door:
`reduction.ranks.intake.receiver`.
"""
