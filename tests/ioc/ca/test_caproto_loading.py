"""caproto's classes of records are not imported, and can be imported afterwards."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
from ioc.ca.caproto_loading import NOT_NEEDED, import_caproto
for _ in range(2):
    import_caproto()
import ioc.ca.server
import ioc.ca.client.pv_monitors
assert not {f"caproto.server.{name}" for name in NOT_NEEDED} & set(sys.modules)
from caproto.server import PVGroup, pvproperty
import caproto.server.records

class Group(PVGroup):
    number = pvproperty(value=1.0, record="ai")

assert list(Group("P:").pvdb) == ["P:number"]
assert caproto.server.records.AiFields
"""


def test_records_of_caproto_are_left_out_and_work_when_they_are_imported_afterwards() -> None:
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, timeout=60)
