"""``python -m ioc`` is the command ``live-reduction``."""

from ioc.cli import main

main()
