"""The limit of open files."""

from __future__ import annotations

import subprocess
import sys

import pytest

SHOWN = """
import resource
from reduction.host.open_files import raise_file_limit
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
raise_file_limit()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "raised"),
    [(100, 200, "200 200"), (200, 200, "200 200")],
)
def test_the_soft_limit_becomes_the_hard_one(soft: int, hard: int, raised: str) -> None:
    command = [sys.executable, "-c", SHOWN.format(soft=soft, hard=hard)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == raised
