"""The EPICS side: serves parameters and results as process variables, supervises the rest."""
