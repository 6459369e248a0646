"""The environment of children of a program that was itself started within a job of MPI."""

from __future__ import annotations

from collections.abc import Mapping

OF_A_JOB = ("OMPI_", "PMIX_", "PMI_", "PRTE_")
"""Starts of the names by which MPI tells a process its place in a job."""

PARAMETER = "_MCA_"
"""Is in the names by which people set parameters of Open MPI."""


def without_outer_job(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment in which ``mpiexec`` starts a job of its own.

    With the variables of another job, as a shell under ``mpiexec`` or ``srun`` has them, ranks
    would look for the launcher of that job. Parameters of Open MPI stay.
    """
    return {
        name: value
        for name, value in environment.items()
        if PARAMETER in name or not name.startswith(OF_A_JOB)
    }
