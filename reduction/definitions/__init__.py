"""Instruments by name or file: Mantid's definitions read into the table of detectors.

Imports `reduction.instrument`, and `reduction.engines.mantid.framework` for files that Mantid alone
reads. Front door: `reduction.definitions.sources`; a definition is read in
`reduction.definitions.components`, from its `reduction.definitions.parts` and their places.
"""
