"""Our own methods (interface §4): steering, speech, jobs and the end."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Final

import msgspec

from supervisor.core.notes import Note, Progress
from supervisor.doors import jsonrpc as rpc
from supervisor.doors.lines import LONGEST_LINE_BYTES
from supervisor.doors.methods import Asker, Doing, Method, Once
from supervisor.doors.params import (
    Listed,
    Meta,
    Named,
    Nothing,
    read_meta,
    read_params,
    speech_of,
    submission_of,
)
from supervisor.doors.retelling import told_of
from supervisor.edge.ledger_values import JobView
from supervisor.loop.service import CannotAsk, Steering
from supervisor.loop.speaking import OnAudio, Service, SpeechRequest, Submission

#: A line, less what stands around a list of jobs on it.
_LISTED_BYTES: Final = LONGEST_LINE_BYTES - 1024


def steering_table(service: Steering, clean: Once, recycle: Once) -> dict[str, Method]:
    """Return the methods of any run that has a child."""

    def status(params: bytes, asker: Asker) -> Doing:
        del asker
        read_params(params, Nothing)
        return msgspec.json.encode(service.status())

    return {
        "status": Method(begin=status),
        "memory/clean": _without_params(clean.ask, can_be_taken_back=True),
        "child/recycle": _without_params(recycle.ask, can_be_taken_back=True),
    }


def speaking_table(service: Service) -> dict[str, Method]:
    """Return the methods that only a service has which stays."""

    def synthesize(params: bytes, asker: Asker) -> Doing:
        wanted, meta = speech_of(params), read_meta(params)
        return lambda: spoken(service, wanted, meta, asker)

    def settings(params: bytes, asker: Asker) -> Doing:
        del asker
        read_params(params, Nothing)
        return msgspec.json.encode(service.settings())

    async def shut() -> bytes:
        await service.shutdown()
        return b"{}"

    return {
        "synthesize": Method(begin=synthesize, waits=True, can_be_taken_back=True),
        **_jobs(service),
        "config/get": Method(begin=settings),
        "shutdown": _without_params(shut, when_shut=b"{}"),
    }


async def spoken(service: Service, wanted: SpeechRequest, meta: Meta, asker: Asker) -> bytes:
    """Have an utterance spoken; what comes before the result goes to who asked."""
    takes: list[OnAudio] = []
    if wanted.audio == "inline" and asker.takes_audio:
        takes.append(asker.audio)
    if meta.progressToken is not None:
        takes.append(_progress(meta.progressToken, asker))

    def take(pcm: bytes, rate_hz: int) -> None:
        for each in takes:
            each(pcm, rate_hz)

    speech = await service.synthesize(wanted, take if takes else None, caller=asker.caller)
    return msgspec.json.encode(speech)


def _progress(token: int | str, asker: Asker) -> OnAudio:
    """Return what makes MCP's progress of audio: seconds of speech so far, of nobody knows how many."""
    seconds = 0.0

    def take(pcm: bytes, rate_hz: int) -> None:
        nonlocal seconds
        seconds += len(pcm) / 2 / rate_hz
        params = {"progressToken": token, "progress": round(seconds, 3), "message": "seconds of speech"}
        asker.tell(rpc.notification_line("notifications/progress", params), f"progress of {token!r}")

    return take


def _jobs(service: Service) -> dict[str, Method]:
    async def submitted(wanted: Submission) -> bytes:
        return msgspec.json.encode(await service.submit(wanted))

    async def viewed(view: Awaitable[JobView]) -> bytes:
        return _view(await view)

    def about(do: Callable[[str], Awaitable[JobView]]) -> Method:
        def begin(params: bytes, asker: Asker) -> Doing:
            del asker
            job = read_params(params, Named).job
            return lambda: viewed(do(job))

        return Method(begin=begin, waits=True)

    def submit(params: bytes, asker: Asker) -> Doing:
        wanted = submission_of(params)
        asker.listen()
        return lambda: submitted(wanted)

    def watch(params: bytes, asker: Asker) -> Doing:
        job = read_params(params, Named).job
        return lambda: _watched(service, job, asker)

    return {
        "jobs/submit": Method(begin=submit, waits=True),
        "jobs/watch": Method(begin=watch, waits=True, can_be_taken_back=True),
        "jobs/get": Method(begin=lambda params, _: _view(service.job(read_params(params, Named).job))),
        "jobs/list": Method(
            begin=lambda params, _: listed(service.jobs(), read_params(params, Listed).after)
        ),
        "jobs/cancel": about(service.cancel),
        "jobs/pause": about(service.pause),
        "jobs/resume": about(service.resume),
        "jobs/retry": about(service.retry),
    }


async def _watched(service: Service, job: str, asker: Asker) -> bytes:
    """Tell who asked what becomes of a job, until it is over."""

    def told(note: Note) -> None:
        about = f"watched progress of job {job}" if isinstance(note, Progress) else None
        asker.tell(rpc.notification_line("job/note", told_of(job, note)), about)

    over = await service.watch(job, told)
    message = {"message": over.message} if over.message else {}
    return msgspec.json.encode({**over.job.as_json(), "exit_code": over.exit_code, **message})


def listed(jobs: list[JobView], after: str | None, most_bytes: int = _LISTED_BYTES) -> bytes:
    """Return as many jobs as one line holds, oldest first, as JSON text.

    Raises:
        CannotAsk: If there is no such job to begin after.
    """
    if after is not None:
        numbers = [number for number, view in enumerate(jobs) if view.job == after]
        if not numbers:
            raise CannotAsk(f"there is no job {rpc.shown(after)}", kind="bad_input", retryable=False)
        jobs = jobs[numbers[0] + 1 :]
    texts = list[bytes]()
    for view in jobs:
        text = msgspec.json.encode(view.as_json())
        most_bytes -= len(text) + 1
        if most_bytes < 0 and texts:
            break
        texts.append(text)
    return b"[" + b",".join(texts) + b"]"


def _without_params(
    do: Callable[[], Coroutine[object, object, bytes]],
    *,
    can_be_taken_back: bool = False,
    when_shut: bytes | None = None,
) -> Method:
    def begin(params: bytes, asker: Asker) -> Doing:
        del asker
        read_params(params, Nothing)
        return do

    return Method(begin=begin, waits=True, can_be_taken_back=can_be_taken_back, when_shut=when_shut)


def _view(view: JobView) -> bytes:
    return msgspec.json.encode(view.as_json())
