"""The child's slot as a table: state x event -> state and what to do.

Everything that may happen to a child process is a row here; the drawing in
`docs/architecture.md` is made from this table, and a test holds that every pair is either
in it or listed as ignored, never both.
"""

from enum import Enum, auto


class State(Enum):
    """Where the slot is."""

    ABSENT = auto()  # no process
    STARTING = auto()  # spawned, not ready
    IDLE = auto()  # ready, nothing in hand
    SPEAKING = auto()  # a segment in hand
    DRAINING = auto()  # a segment in hand, to leave after it
    RELEASING = auto()  # asked to release its caches
    LEAVING = auto()  # asked to exit
    TERMINATING = auto()  # SIGTERM sent
    DUMPING = auto()  # SIGUSR1 sent: it writes its stacks
    DYING = auto()  # SIGKILL sent to the group
    STUCK = auto()  # SIGKILL does not end it: the kernel is in a driver call


class Event(Enum):
    """What may happen to the slot."""

    START_DUE = auto()
    READY = auto()
    HAND_OUT = auto()
    SEGMENT_OVER = auto()
    RELEASE_WANTED = auto()
    RELEASED = auto()
    LEAVE_WANTED = auto()  # planned: a recycle, or no more work
    STALLED = auto()  # no progress for too long
    END_WANTED = auto()  # at once: hard mark, broken frames, stop at once
    OUT_OF_TIME = auto()  # the state's own deadline passed
    EXITED = auto()  # the process is gone and reaped


class Do(Enum):
    """What a transition asks for."""

    SPAWN = auto()
    SEND_SEGMENT = auto()
    ASK_RELEASE = auto()
    ASK_EXIT = auto()
    TERMINATE = auto()
    DUMP_STACK = auto()
    KILL_GROUP = auto()
    REPORT_STUCK = auto()
    BURY = auto()


_S, _E, _D = State, Event, Do

TABLE: dict[tuple[State, Event], tuple[State, tuple[Do, ...]]] = {
    (_S.ABSENT, _E.START_DUE): (_S.STARTING, (_D.SPAWN,)),
    (_S.STARTING, _E.READY): (_S.IDLE, ()),
    # It holds no work yet, so there is nothing to ask it to finish.
    (_S.STARTING, _E.LEAVE_WANTED): (_S.TERMINATING, (_D.TERMINATE,)),
    (_S.STARTING, _E.STALLED): (_S.DUMPING, (_D.DUMP_STACK,)),
    (_S.STARTING, _E.OUT_OF_TIME): (_S.DUMPING, (_D.DUMP_STACK,)),
    (_S.STARTING, _E.END_WANTED): (_S.DYING, (_D.KILL_GROUP,)),
    (_S.STARTING, _E.EXITED): (_S.ABSENT, (_D.BURY,)),
    (_S.IDLE, _E.HAND_OUT): (_S.SPEAKING, (_D.SEND_SEGMENT,)),
    (_S.IDLE, _E.RELEASE_WANTED): (_S.RELEASING, (_D.ASK_RELEASE,)),
    (_S.IDLE, _E.LEAVE_WANTED): (_S.LEAVING, (_D.ASK_EXIT,)),
    (_S.IDLE, _E.END_WANTED): (_S.DYING, (_D.KILL_GROUP,)),
    (_S.IDLE, _E.EXITED): (_S.ABSENT, (_D.BURY,)),
    (_S.SPEAKING, _E.SEGMENT_OVER): (_S.IDLE, ()),
    (_S.SPEAKING, _E.LEAVE_WANTED): (_S.DRAINING, ()),
    (_S.SPEAKING, _E.STALLED): (_S.DUMPING, (_D.DUMP_STACK,)),
    (_S.SPEAKING, _E.END_WANTED): (_S.DYING, (_D.KILL_GROUP,)),
    (_S.SPEAKING, _E.EXITED): (_S.ABSENT, (_D.BURY,)),
    (_S.DRAINING, _E.SEGMENT_OVER): (_S.LEAVING, (_D.ASK_EXIT,)),
    (_S.DRAINING, _E.STALLED): (_S.DUMPING, (_D.DUMP_STACK,)),
    (_S.DRAINING, _E.END_WANTED): (_S.DYING, (_D.KILL_GROUP,)),
    (_S.DRAINING, _E.EXITED): (_S.ABSENT, (_D.BURY,)),
    (_S.RELEASING, _E.RELEASED): (_S.IDLE, ()),
    (_S.RELEASING, _E.LEAVE_WANTED): (_S.LEAVING, (_D.ASK_EXIT,)),
    (_S.RELEASING, _E.OUT_OF_TIME): (_S.DUMPING, (_D.DUMP_STACK,)),
    (_S.RELEASING, _E.END_WANTED): (_S.DYING, (_D.KILL_GROUP,)),
    (_S.RELEASING, _E.EXITED): (_S.ABSENT, (_D.BURY,)),
    (_S.LEAVING, _E.OUT_OF_TIME): (_S.TERMINATING, (_D.TERMINATE,)),
    (_S.LEAVING, _E.END_WANTED): (_S.DYING, (_D.KILL_GROUP,)),
    (_S.LEAVING, _E.EXITED): (_S.ABSENT, (_D.BURY,)),
    (_S.TERMINATING, _E.OUT_OF_TIME): (_S.DUMPING, (_D.DUMP_STACK,)),
    (_S.TERMINATING, _E.END_WANTED): (_S.DYING, (_D.KILL_GROUP,)),
    (_S.TERMINATING, _E.EXITED): (_S.ABSENT, (_D.BURY,)),
    (_S.DUMPING, _E.OUT_OF_TIME): (_S.DYING, (_D.KILL_GROUP,)),
    (_S.DUMPING, _E.END_WANTED): (_S.DYING, (_D.KILL_GROUP,)),
    (_S.DUMPING, _E.EXITED): (_S.ABSENT, (_D.BURY,)),
    (_S.DYING, _E.OUT_OF_TIME): (_S.STUCK, (_D.REPORT_STUCK,)),
    (_S.DYING, _E.EXITED): (_S.ABSENT, (_D.BURY,)),
    (_S.STUCK, _E.EXITED): (_S.ABSENT, (_D.BURY,)),
}

#: States in which a segment is in hand.
WITH_SEGMENT = frozenset({State.SPEAKING, State.DRAINING})


def draw() -> str:
    """Return the table as lines of `STATE --EVENT--> STATE: what to do`, for the docs."""
    lines: list[str] = []
    for (state, event), (after, todo) in TABLE.items():
        acts = ", ".join(do.name for do in todo) or "-"
        lines.append(f"{state.name:<12} {event.name:<15} -> {after.name:<12} {acts}")
    return "\n".join(lines)
