"""``python -m web`` serves the web page: the process that ``live-reduction web`` becomes."""

from __future__ import annotations

import os
import sys

from reduction.host.interrupts import end_at_interrupts


def main() -> None:
    """Serve until stopped; exits with 2 and one clear line if that cannot be done."""
    end_at_interrupts()
    from ioc.options.command_line import parse
    from ioc.options.commands import WebOptions
    from ioc.options.program import StartError
    from ioc.process.start import failures_told, prepare_server
    from web.command import web_command

    with failures_told():
        options = parse(sys.argv[1:])
        if not isinstance(options, WebOptions):
            raise StartError(f"{options.command}: the process of the page does web alone")
        prepare_server(options)
        web_command(options, os.environ)


if __name__ == "__main__":
    main()
