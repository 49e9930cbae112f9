"""A service of a few lines, for a real systemd to run: our own signs of life around no work at all.

It does what `$PULSE` says: `works`, `overdue` (turns beside something that never comes), `slow` (starts for
longer than it may, and asks for more), `exit N`, or `speaks` (has a child of ours).
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from supervisor.edge.journal import journal_of
from supervisor.edge.process import start_child
from supervisor.edge.sdnotify import Notifier
from supervisor.log import Log

#: Longer than TimeoutStartSec of the test's unit.
_SLOW_S = 8.0

CHILD = "import time; time.sleep(600)"


async def serve(what: str, notifier: Notifier) -> int:
    # Imports the whole loop: a busy machine takes longer over it than the test's unit allows at first.
    from supervisor.loop.vitality import Vitality  # noqa: PLC0415 -- see above

    loop = asyncio.get_running_loop()
    stopped, reloads = asyncio.Event(), 0
    log = Log(format="text", level="info", journal=journal_of(os.environ))
    with Vitality(notifier, told=lambda text: log.event("notice", text=text)) as vitality:
        loop.add_signal_handler(signal.SIGTERM, stopped.set)

        def reload() -> None:
            nonlocal reloads
            reloads += 1
            vitality.reloading()
            vitality.status(f"reloaded {reloads} times")
            vitality.ready()

        loop.add_signal_handler(signal.SIGHUP, reload)
        vitality.extend(60.0)
        if what == "slow":
            await asyncio.sleep(_SLOW_S)
        child = start_child(
            python=sys.executable, life=1, state_marker=str(Path.cwd()), program=["-c", CHILD]
        )
        vitality.status(f"child {child.pid}")
        vitality.ready()
        log.event("run.started", job="j1", pid=os.getpid())
        with vitality.waiting("what never comes", 0.0 if what == "overdue" else 1e6):
            await stopped.wait()
        vitality.stopping("parks")
        child.end_now()
        child.close()
        Path(os.environ.get("STATE_DIRECTORY", ".")).joinpath("parked").write_text("yes", "ascii")
    return 0


if __name__ == "__main__":
    kind, _, number = os.environ.get("PULSE", "works").partition(" ")
    if kind == "exit":
        sys.exit(int(number))
    systemd = Notifier.take(os.environ)
    systemd.extend(30.0)
    sys.exit(asyncio.run(serve(kind, systemd)))
