"""The name under which the program is installed, and the error that ends its start."""

DISTRIBUTION = "epics-live-reduction"
"""Name of the installed distribution, which has the version."""


class StartError(ValueError):
    """An option that is not valid; the text names the option, its value, and what is valid."""
