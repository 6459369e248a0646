"""The processes of a run, as children of this one: started, started again, and ended with it.

Imports options and what all processes share; knows nothing of process variables. Front door:
`ioc.app.processes.child`.
"""
