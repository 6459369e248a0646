"""Schemas that are not used are not imported, and can be imported afterwards."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
import reduction.messages.run_messages
loaded = [name for name in sys.modules if name.startswith("streaming_data_types")]
assert len(loaded) < 80, loaded
import streaming_data_types
assert "ev44" in streaming_data_types.SERIALISERS
import streaming_data_types.eventdata_ev44
"""


def test_only_schemas_that_are_used_are_imported_and_the_package_works_afterwards() -> None:
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, timeout=60)
