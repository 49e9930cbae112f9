"""Which job is meant: by its id, the beginning of one, or its output's path."""

import re
from collections.abc import Sequence

from supervisor.cli.showing import absolute
from supervisor.edge.ledger_values import JobView, job_id_for
from supervisor.errors import UsageError

#: Fewer characters after the j name a job by chance.
_LEAST_AFTER_J = 4

_BEGINNING = re.compile(r"j[0-9a-f]*")
_ALL = "'tts-supervisor jobs list' shows all"


def meant(views: Sequence[JobView], wanted: str, *, whole: bool, where: str) -> JobView:
    """Return the one job that is meant.

    Args:
        views: All jobs there are.
        wanted: As after `jobs ACTION`.
        whole: The beginning of an id is not enough.
        where: The state folder, for messages.

    Raises:
        UsageError: If none or several are, or too little is said.
    """
    if not wanted.strip():
        raise UsageError(f"the job's ID is empty: give one; {_ALL}")
    by_path = {job_id_for(absolute(wanted)), job_id_for(absolute(wanted) + "/")}
    for view in views:
        if view.job == wanted or view.job in by_path:
            return view
    if not _BEGINNING.fullmatch(wanted):
        raise UsageError(f"job {wanted}: there is none in {where}; {_ALL}")
    return _beginning_with(views, wanted, whole=whole, where=where)


def _beginning_with(views: Sequence[JobView], wanted: str, *, whole: bool, where: str) -> JobView:
    if len(wanted) <= _LEAST_AFTER_J:
        raise UsageError(
            f"job {wanted}: too short to name one; give j and {_LEAST_AFTER_J} characters or more; {_ALL}"
        )
    found = [view for view in views if view.job.startswith(wanted)]
    if not found:
        raise UsageError(f"job {wanted}: there is none in {where}; {_ALL}")
    several = ", ".join(view.job for view in found)
    if whole:
        raise UsageError(f"job {wanted}: give the whole ID; this is the beginning of {several}")
    if len(found) > 1:
        raise UsageError(f"job {wanted}: several begin so ({several}); give one in full")
    return found[0]
