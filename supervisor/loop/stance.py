"""How a run stands in one word, and whether speech would work, from what its conductors know."""

from typing import Final

from supervisor.core.lifecycle import State
from supervisor.core.obituary import Wish
from supervisor.core.post import Post
from supervisor.loop.health import Ailment
from supervisor.loop.runner import Runner
from supervisor.loop.service import ServiceState

#: In these speech works now, if a child may be given work and nothing stops it.
_OPEN: Final = frozenset[ServiceState]({"idle", "narrating", "releasing"})

#: In these a child may be given work, now or in a moment.
_AT_WORK: Final = frozenset({State.IDLE, State.SPEAKING, State.RELEASING})

#: A child that leaves for want of work is no child that is replaced.
_NO_MORE_WORK: Final[dict[Wish, ServiceState]] = {"idle": "idle", "over": "narrating"}


def state_with(plain: ServiceState, health: list[Ailment]) -> tuple[ServiceState, str] | None:
    """Return the state, and why, of a service that can do nothing, or has nothing else to do; else None."""
    if plain in ("planning", "delivering", "parking"):
        return None
    for one in health:
        if one.kind == "gpu_lost" and one.stops:
            return "gpu_lost", one.words
        if one.kind == "disk_full" and (one.stops or plain == "idle"):
            return "paused", one.words
    return None


def may_work(post: Post) -> bool:
    """Say whether a child may be given work: a canary spoke in its life, and it is not on its way out."""
    is_worn = post.recycle is not None and not post.recycle.patient
    return post.ready is not None and post.wish is None and post.state in _AT_WORK and not is_worn


def may_speak(runner: Runner, plain: ServiceState, health: list[Ailment]) -> bool:
    """Say whether speech would work now.

    Args:
        runner: At work.
        plain: Its state, whatever ails.
        health: What ails.
    """
    if plain not in _OPEN or any(one.stops for one in health):
        return False
    conductors = [station.conductor for station in runner.stations]
    posts = [one.post for one in conductors if one.post is not None]
    # Where nobody is there for want of work, the next text brings one.
    return any(may_work(post) for post in posts) or all(one.is_unloaded for one in conductors)


def state_of(runner: Runner, *, stays: bool, has_lived: bool) -> ServiceState:
    """Return what a run does, whatever ails it.

    Args:
        runner: At work; on several devices, its first one is spoken of.
        stays: Whether it goes on when nothing is left to do.
        has_lived: Whether a child life is over.
    """
    conductor = runner.conductor
    post = conductor.post
    if conductor.waits_at_gate:
        return "waiting_for_memory"
    if conductor.waits_why:
        return "paused"
    if conductor.is_unloaded:
        return "idle"
    if post is not None and post.state is State.RELEASING:
        return "releasing"
    if post is None or not may_work(post):
        return _state_between(post, has_lived=has_lived)
    return "idle" if stays and not conductor.has_work else "narrating"


def _state_between(post: Post | None, *, has_lived: bool) -> ServiceState:
    """Name the state where no child may be given work."""
    if post is not None and post.wish is not None and post.wish.wish in _NO_MORE_WORK:
        return _NO_MORE_WORK[post.wish.wish]
    has_spoken = post is not None and post.ready is not None
    return "recycling" if has_lived or has_spoken else "starting"
