"""Write the units of this folder from the template: `python systemd/write_units.py`.

They are what `tts-supervisor service show` prints, for packagers: for a program in /usr/bin, and for a
systemd before 254. tests/supervisor/edge/test_unit.py fails when it is due.
"""

from pathlib import Path
from typing import Final

from supervisor.edge.unit import STEPS_SINCE, UNIT_NAME, Scope, Unit

HERE: Final = Path(__file__).resolve().parent

#: Where a distribution's package puts it.
PROGRAM: Final = "/usr/bin/tts-supervisor"


SCOPES: Final[tuple[Scope, ...]] = ("system", "user")

if __name__ == "__main__":
    for scope in SCOPES:
        unit = Unit(scope=scope, command=[PROGRAM], systemd_version=STEPS_SINCE - 1)
        (HERE / scope / UNIT_NAME).write_text(unit.text(), "utf-8")
