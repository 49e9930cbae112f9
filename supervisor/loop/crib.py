"""The children of one run on one device as processes: who is there, who is on the way, and who is watched."""

import signal
from collections.abc import Callable
from functools import partial
from typing import assert_never

from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.core.death import Death
from supervisor.edge.launch import CannotStart
from supervisor.edge.ledger_values import Life
from supervisor.edge.process import ChildProcess
from supervisor.errors import SupervisorError
from supervisor.loop.childlink import ChildLink
from supervisor.loop.health import Signs
from supervisor.loop.memory import MemoryWatch
from supervisor.loop.place import Place
from supervisor.wire.messages import FromParent


class Crib:
    """Starts, signals, watches and buries."""

    def __init__(self, place: Place, number: int, tell: Callable[[ev.Event], None], signs: Signs) -> None:
        """Begin with nobody.

        Args:
            place: Where the run happens.
            number: Of the device among its devices.
            tell: Takes events.
            signs: Overhear them, and what the driver says while there is nobody.
        """
        self._place = place
        self._nursery = place.nurseries[number]
        self._signs = signs
        self._tell_on = tell
        self._links: dict[int, ChildLink] = {}
        self._born_s: dict[int, float] = {}
        self._unborn: set[int] = set()
        self._to_watch = 0
        self._watch = MemoryWatch(
            poll_s=place.poll_s,
            device=place.devices[number],
            tell=tell,
            seen=lambda answer: signs.read(answer, place.wall_s()),
        )

    def born_s(self, life: int) -> float | None:
        """When a life that is there was started, on the wall clock."""
        return self._born_s.get(life)

    def spawn(self, life: int) -> None:
        """Have a child started; `Spawned` or `SpawnFailed` follows."""
        self._unborn.add(life)
        self._nursery.start(life, partial(self._born, life))

    def send(self, life: int, message: FromParent) -> None:
        """Send a message; to one that is gone it is lost."""
        if life in self._links:
            self._links[life].send(message)

    def signal(self, action: do.Signal) -> None:
        """Send a signal."""
        if action.life in self._unborn:
            # There is no process yet, and none is wanted any more: it is as dead as it would be.
            self._unborn.discard(action.life)
            self._tell(ev.Ended(life=action.life, death=Death(signal=signal.SIGTERM)))
        if action.life not in self._links:
            return
        process = self._links[action.life].process
        match action.what:
            case "terminate":
                process.terminate()
            case "dump_stack":
                process.dump_stack()
            case "kill_group":
                process.kill_group()
            case _:
                assert_never(action.what)

    def watch(self, action: do.Watch | do.WatchRoom | do.ReadMemory) -> None:
        """Read memory of whom, or of what room there is."""
        match action:
            case do.Watch():
                self._to_watch = action.life
                if action.life in self._links:
                    self._watch.watch(action.life, self._links[action.life].process)
            case do.WatchRoom():
                self._to_watch = 0
                self._watch.watch_room(action.poll_s)
            case do.ReadMemory():
                self._watch.read_now()
            case _:
                assert_never(action)

    def bury(self, action: do.Bury) -> None:
        """Close what is left of a life and record how it ended."""
        link = self._links.pop(action.life, None)
        born_s = self._born_s.pop(action.life, 0.0)
        if link is None:
            return
        self._watch.unwatch(action.life)
        link.close()
        if action.planned and action.segments == 0:
            return  # it was started in advance and found nothing to do: no life to tell of
        self._place.ledger.record_life(
            action.job or self._place.job,
            Life(
                life=action.life,
                started_s=born_s,
                ended_s=self._place.wall_s(),
                how=action.death.in_words,
                why=action.why,
                segments=action.segments,
                dump=None if action.planned else (link.stack or link.last_lines or None),
            ),
        )

    def close(self) -> None:
        """Leave nobody."""
        self._watch.close()
        self._unborn.clear()
        for link in self._links.values():
            link.close()
        self._links.clear()
        self._nursery.close()

    def _tell(self, event: ev.Event) -> None:
        if isinstance(event, ev.Said):
            self._signs.hear(event.message, self._place.wall_s())
        self._tell_on(event)

    def _born(self, life: int, born: ChildProcess | SupervisorError) -> None:
        if life not in self._unborn:  # nobody waits for it any more
            if isinstance(born, ChildProcess):
                born.end_now()
                born.close()
            return
        self._unborn.discard(life)
        if isinstance(born, SupervisorError):
            retryable = isinstance(born, CannotStart)
            self._tell(ev.SpawnFailed(life=life, why=str(born), retryable=retryable))
            return
        self._born_s[life] = self._place.wall_s()
        self._links[life] = ChildLink(
            born,
            life=life,
            tell=self._tell,
            overheard=lambda line: self._place.overheard(life, line),
        )
        if self._to_watch == life:
            self._watch.watch(life, born)
        self._tell(ev.Spawned(life=life, pid=born.pid))
