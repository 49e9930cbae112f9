"""Requests into the ledger, and out of it again: what a service took in and what it is to do now."""

from pathlib import Path

import msgspec

from supervisor.edge.ledger import Ledger
from supervisor.edge.ledger_schema import LedgerError
from supervisor.edge.ledger_values import JobSpec
from supervisor.edge.ledger_wanted import StoredSubmission, SubmitOutcome, Wanted
from supervisor.edge.ledger_words import no_job
from supervisor.loop.requests import InputSpec, JobRequest
from supervisor.loop.wanting import absolute_in
from supervisor.narration.plan import Source


def submit(ledger: Ledger, request: JobRequest, at_s: float) -> SubmitOutcome:
    """Take a job in, durably; see `Submissions.submit`.

    Args:
        ledger: Of the service's state folder.
        request: The job; its `key` and `fresh` count.
        at_s: Now, in seconds since the epoch.

    Raises:
        OtherInHand: If the job is queued or in hand with another request.
    """
    plain = msgspec.structs.replace(request, key=None, fresh=False)
    wanted = Wanted(
        output=request.output,
        request=msgspec.json.encode(plain),
        is_fresh=request.fresh,
        key=request.key,
    )
    return ledger.submit(wanted, at_s)


def request_of(ledger: Ledger, stored: StoredSubmission) -> JobRequest:
    """Return what is to be done for a submission now.

    Until it is planned, that is what was asked for, and its files are read when it is planned. From then on
    the texts are the ledger's, as with `jobs retry`: files may have changed or gone since, and what is
    spoken must fit what will be.

    Raises:
        LedgerError: If it cannot be read, or its plan is gone.
    """
    asked = _asked(stored) if stored.request else None
    if asked is not None and not stored.planned:
        return msgspec.structs.replace(asked, key=stored.key, fresh=bool(stored.fresh))
    spec = ledger.spec(stored.job)
    if spec is None:
        raise LedgerError(no_job(stored.job))
    keep = asked is None or asked.keep
    return msgspec.structs.replace(_planned(ledger, spec), key=stored.key or spec.key, keep=keep)


def request_again(ledger: Ledger, job: str) -> JobRequest:
    """Return what does a job again, whoever made it.

    Raises:
        LedgerError: If there is no such job.
    """
    stored = ledger.submission(job)
    if stored is not None:
        return request_of(ledger, stored)
    spec = ledger.spec(job)
    if spec is None:
        raise LedgerError(no_job(job))
    return _planned(ledger, spec)


def _asked(stored: StoredSubmission) -> JobRequest:
    try:
        return msgspec.json.decode(stored.request, type=JobRequest)
    except msgspec.DecodeError as error:
        raise LedgerError(
            f"job {stored.job}: what was submitted cannot be read by this version ({error}); submit it again"
        ) from error


def _planned(ledger: Ledger, spec: JobSpec) -> JobRequest:
    return JobRequest(
        output=spec.output,
        format=spec.format,
        sample_rate_hz=spec.sample_rate_hz,
        voice=spec.voice,
        seed=spec.seed,
        inputs=[_input(source, spec.folder) for source in ledger.sources(spec.job)],
        key=spec.key,
        folder=spec.folder,
        again=True,
    )


def _input(source: Source, folder: str) -> InputSpec:
    # The name tells how to read the text; texts that never were in a file have names without a suffix.
    path = absolute_in(Path(folder), source.name) if "." in source.name else None
    return InputSpec(path=path, name=source.name, text=source.text)
