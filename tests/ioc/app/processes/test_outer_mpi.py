"""A program that was itself started within a job of MPI starts ranks of its own."""

from __future__ import annotations

from ioc.app.processes.outer_mpi import without_outer_job


def test_the_place_in_another_job_is_left_out_and_parameters_stay() -> None:
    job = {
        "OMPI_COMM_WORLD_SIZE": "8",
        "PMIX_RANK": "3",
        "PMIX_SERVER_URI41": "job.0;tcp4://192.0.2.1:9",
        "PMI_FD": "7",
        "PRTE_LAUNCHED": "1",
    }
    ours = {
        "OMPI_MCA_btl": "self,sm",
        "PRTE_MCA_ras": "^slurm",
        "PATH": "/bin",
        "SLURM_JOB_ID": "1",
    }
    assert without_outer_job(job | ours) == ours
