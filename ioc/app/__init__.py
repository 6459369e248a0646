"""The command line, the server with all its parts, and the processes that it runs as children.

Imports everything. Front door: `ioc.app.cli`; what each command does: `ioc.app.commands`; what is
wired to what: `ioc.app.server.live_server`; how a child process is run: `ioc.app.processes.child`.
"""
