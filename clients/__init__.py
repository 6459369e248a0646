"""The live reduction as a device of the programs that run experiments.

One module for each program; each needs only that program's library, and imports nothing else of
this project. They know process variables by name; tests compare these with what the IOC serves.
"""
