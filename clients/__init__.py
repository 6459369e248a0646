"""The live reduction as a device of the programs that run experiments."""
