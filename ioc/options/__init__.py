"""The options of each command, from flags on the command line or from a TOML file.

Imports `reduction` and `simulator.output.habits`. Front door: `ioc.options.commands`, one dataclass
for each command.
"""
