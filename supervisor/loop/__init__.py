"""The event loop: everything that waits. Commands call the functions named here."""

from supervisor.loop.job import run_job
from supervisor.loop.probe import Introduction, introduce, probe_child
from supervisor.loop.requests import InputSpec, JobRequest, Outcome

__all__ = ["InputSpec", "Introduction", "JobRequest", "Outcome", "introduce", "probe_child", "run_job"]
