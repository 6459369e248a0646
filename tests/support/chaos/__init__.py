"""A live reduction to which everything happens at once, and what must hold all the while.

`tests.support.chaos.rounds` is the front door.
"""
