"""Jobs that are submitted, as the ledger takes and keeps them: values only."""

from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A job that is wanted, as it is kept.

    Attributes:
        output: Absolute; ends with "/" for a folder.
        request: All of it but the two below, encoded: what is the same request has the same bytes.
        is_fresh: Forget what an earlier run of the job finished.
        key: That whoever submits it gave it.
    """

    output: str
    request: bytes
    is_fresh: bool = False
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOutcome:
    """What came of submitting.

    Attributes:
        job: Its id.
        is_new: Queued by this; False: there was such a job already, and nothing has changed.
    """

    job: str
    is_new: bool


class StoredSubmission(msgspec.Struct, frozen=True, kw_only=True):
    """A submission as it is kept.

    Attributes:
        job: Its id.
        output: As in `Wanted`.
        rank: Of two that wait, the lower goes first.
        request: As in `Wanted`; empty for a job that was never submitted, only queued again.
        at_s: When it was submitted or queued again, in seconds since the epoch.
        fresh: 1 until what an earlier run finished is forgotten as asked; else 0.
        planned: 1 once it was planned: its texts are in the ledger since; else 0.
        key: The last that was given for it.
    """

    job: str
    output: str
    rank: int
    request: bytes
    at_s: float
    fresh: int
    planned: int
    key: str | None
