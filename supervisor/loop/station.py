"""One device of a run: its conductor, its children, and where they come from."""

from collections.abc import Callable
from typing import assert_never

from supervisor.core import actions as do
from supervisor.core import events as ev
from supervisor.core.conductor import Conductor
from supervisor.core.notes import Note
from supervisor.loop.crib import Crib
from supervisor.loop.health import Signs
from supervisor.loop.place import Place

#: What concerns the children of one device alone.
OfChildren = (
    do.Spawn
    | do.Send
    | do.Signal
    | do.Watch
    | do.WatchRoom
    | do.ReadMemory
    | do.Trace
    | do.LearnWeights
    | do.Prefetch
    | do.Bury
)


class Station:
    """One device.

    Attributes:
        device: As configured.
        conductor: Decides.
        finish: How its part of the run ended; None while it goes on.
        paused_why: Why nothing is handed out here; empty while something may be.
        signs: What ails it and its child.
    """

    def __init__(
        self, number: int, conductor: Conductor, place: Place, tell: Callable[[ev.Event], None]
    ) -> None:
        """Make it; nothing is started.

        Args:
            number: Of the device among the place's.
            conductor: Decides.
            place: Where it happens.
            tell: Takes events for this conductor.
        """
        self.device = place.devices[number]
        self.conductor = conductor
        self.finish: do.Finish | None = None
        self.paused_why = ""
        self._nursery = place.nurseries[number]
        self._trace = place.traces[number] if number < len(place.traces) else None
        self._wall_s = place.wall_s
        self.signs = Signs()
        self._crib = Crib(place, number, tell, self.signs)

    @property
    def template_pid(self) -> int | None:
        """Of the process that children are forked from; None where they start cold."""
        return self._nursery.pid

    def born_s(self, life: int) -> float | None:
        """When a life that is there was started, on the wall clock."""
        return self._crib.born_s(life)

    def note(self, note: Note) -> None:
        """Take what people are told of it."""
        post = self.conductor.post
        worker = None if post is None or post.ready is None else post.life
        self.signs.note(note, self._wall_s(), worker=worker)

    def act(self, action: OfChildren) -> None:
        """Carry an action out."""
        match action:
            case do.Spawn():
                self._crib.spawn(action.life)
            case do.Send():
                self._crib.send(action.life, action.message)
            case do.Signal():
                self._crib.signal(action)
            case do.Watch() | do.WatchRoom() | do.ReadMemory():
                self._crib.watch(action)
            case do.Trace():
                if self._trace is not None:
                    self._trace(action.record)
            case do.LearnWeights():
                self._nursery.learn_weights(list(action.paths))
            case do.Prefetch():
                self._nursery.prefetch()
            case do.Bury():
                self._crib.bury(action)
            case _:
                assert_never(action)

    def close(self) -> None:
        """Leave nobody."""
        self._crib.close()
