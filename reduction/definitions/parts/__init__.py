"""What a Mantid instrument definition consists of: types, components, banks, panels, detector ids.

Imports `reduction.definitions.places`. Front door: `reduction.definitions.parts.assemblies`.
"""
