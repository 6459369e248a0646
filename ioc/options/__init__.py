"""What the program is started with: flags of a command, or the same names in a TOML file.

Imports `reduction.parameters`. Front door: `ioc.options.commands`, one dataclass for each command.
"""
