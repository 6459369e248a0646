"""``python -m ioc`` is the command ``live-reduction``."""

from reduction.host.memory.garbage import unsearched_start

with unsearched_start():  # nothing of what is imported is garbage
    from ioc.app.cli import main

main()
