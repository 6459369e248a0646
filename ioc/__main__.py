"""``python -m ioc`` is the command ``live-reduction``."""

from ioc.app.cli import main

main()
