"""What can be set and what can be read: dataclasses whose fields carry their specs.

Imports nothing else of the project. Front door: `reduction.parameters.specs` (kinds of parameters)
and `reduction.parameters.reduction` (the settings of a reduction). A unit is declared in
`reduction.parameters.units`, a limit in `reduction.parameters.limits`.
"""
