"""A run that is steered offers three methods, a service that stays all of the contract."""

from pathlib import Path

from supervisor.doors.offer import service_methods, steering_methods
from supervisor.log import Log
from tests.supervisor.doors.client import Steady
from tests.supervisor.doors.memory_service import MemoryService

LOG = Log(format="text", level="error", write=lambda _: None)

#: Of interface §4, and of MCP.
STEERING = {"status", "memory/clean", "child/recycle"}
CONTRACT = STEERING | {
    "server/discover", "initialize", "synthesize", "jobs/submit", "jobs/get", "jobs/list", "jobs/cancel",
    "jobs/retry", "shutdown",
}  # fmt: skip
#: Of interface §1: `narrate` hands its work over with these.
HAND_OVER = {"jobs/watch", "config/get"}
#: Of the page, and of `jobs pause|resume`.
PAUSES = {"jobs/pause", "jobs/resume"}
MCP = {"ping", "tools/list", "tools/call"}


def test_each_offers_what_it_can() -> None:
    assert set(steering_methods(Steady(), LOG, folder=Path()).names) == STEERING
    offered = set(service_methods(MemoryService(Path()), LOG, folder=Path()).names)
    assert offered == CONTRACT | HAND_OVER | PAUSES | MCP


def test_a_run_that_is_steered_tells_no_notes() -> None:
    stop = steering_methods(Steady(), LOG, folder=Path()).listen(lambda _: None)
    stop()
