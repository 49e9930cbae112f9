"""Have a service speak one utterance, and make the file of it here: no path goes over (decision 31)."""

import asyncio
import base64
import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from supervisor.cli.calling import PROMPT_S, Caller, is_answer, refusal_of, result_of
from supervisor.cli.following import Stops
from supervisor.cli.owner import There
from supervisor.doors.jsonrpc import Answer
from supervisor.edge.audiofile import AudioPart, CommittedAudio
from supervisor.edge.runtimefolder import NoService
from supervisor.errors import Interrupted, SupervisorError, TryLater
from supervisor.loop.answers import DeliveryAnswer, worker_error
from supervisor.loop.requests import JobRequest
from supervisor.loop.workers import WorkerFailed, run_worker_to_the_end

#: What another try may mend, and soon: the rest is a failure of the text, or of the child.
_SOON: Final = frozenset({"busy", "shutting_down", "disk_full", "cancelled"})

#: What `say` calls the only chapter of its text.
_TITLE: Final = "text"


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """The params of `audio/chunk`: 16-bit samples in base64."""

    id: int
    seq: int
    pcm_s16le: str
    sample_rate: int


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What `synthesize` answers, as far as it is used here; `sha256` is of the samples."""

    seconds: float
    sample_rate: int
    sha256: str
    segments: int = 1


class Hearing:
    """One utterance.

    Args:
        there: The service.
        request: Of `say`: one text.
        stops: Taken from before.
    """

    def __init__(self, there: There, request: JobRequest, stops: Stops) -> None:
        self._there = there
        self._request = request
        self._stops = stops
        self._digest = hashlib.sha256()
        self._chunks = 0

    def into(self, path: Path) -> tuple[Heard, CommittedAudio]:
        """Have it spoken into a WAV; returns what the service says of it, and what was written.

        Raises:
            Interrupted: If a signal came; nothing is left behind.
            TryLater: If the service cannot now.
            SupervisorError: If it cannot be spoken, or the file not be written.
        """
        part = AudioPart(path)
        try:
            heard = self._into(part)
            return heard, part.commit(heard.sample_rate)
        finally:
            part.discard()

    def _into(self, part: AudioPart) -> Heard:
        caller = self._there.caller
        number = caller.send("synthesize", self._params())
        asked_s: float | None = None  # when a sign of life was asked for
        while True:
            said = self._next(caller)
            if said is None:
                self._must_live(caller, asked_s)
                asked_s = time.monotonic() if asked_s is None else asked_s
                caller.send("ping")
                continue
            asked_s = None
            if said.method == "audio/chunk":
                self._take(part, said, number)
            elif is_answer(said, number):
                return self._whole(said)

    def _params(self) -> dict[str, object]:
        request = self._request
        return {
            "text": request.inputs[0].text,
            "voice": request.voice.name,
            "seed": request.seed,
            "sample_rate": request.sample_rate_hz,
            "audio": "inline",
        }

    def _next(self, caller: Caller) -> Answer | None:
        try:
            said = caller.hear(PROMPT_S, self._stops.wake)
        except NoService as error:
            raise TryLater(f"the service ended before it was spoken; try again ({error})") from error
        if self._stops.taken:
            # The connection closes with us, and with it goes what was asked for on it.
            raise Interrupted(f"stopped by {self._stops.taken[0]}; run the same command again")
        return said

    def _must_live(self, caller: Caller, asked_s: float | None) -> None:
        if asked_s is not None and time.monotonic() - asked_s >= PROMPT_S:
            raise caller.silent(PROMPT_S)

    def _take(self, part: AudioPart, said: Answer, number: int) -> None:
        chunk = msgspec.json.decode(said.params, type=Chunk)
        if chunk.id != number:
            return
        if chunk.seq != self._chunks:
            raise SupervisorError(
                f"the service sent chunk {chunk.seq} after {self._chunks} of them: try again"
            )
        pcm = base64.b64decode(chunk.pcm_s16le)
        part.append(pcm)
        self._digest.update(pcm)
        self._chunks += 1

    def _whole(self, said: Answer) -> Heard:
        if said.error is not None:
            kind = "" if said.error.data is None else said.error.data.kind
            soon = TryLater if kind in _SOON else SupervisorError
            raise soon(f"{refusal_of(said.error)} (says {self._there.who})")
        heard = result_of(said, Heard)
        if heard.sha256 != self._digest.hexdigest():
            raise SupervisorError("the samples that came are not those that the service sent; try again")
        return heard


def deliver(wav: Path, written: CommittedAudio, request: JobRequest, state: Path) -> None:
    """Make the file that was asked for of what was heard, as `say` does: by the delivery process.

    Args:
        wav: Absolute.
        written: What is in it.
        request: Of `say`: where, and of which form.
        state: The state folder, real path: it marks the process.

    Raises:
        DiskFull: If there is no room.
        Unwritable: If it cannot be written.
    """
    work = run_worker_to_the_end(
        "supervisor.delivery",
        lambda: _order(wav, written, request),
        state_marker=os.fspath(state),
        told=lambda _: None,
    )
    try:
        line = asyncio.run(work)
    except WorkerFailed as error:
        raise TryLater(f"{error}; run the same command again") from error
    answer = msgspec.json.decode(line, type=DeliveryAnswer)
    if answer.ok is None:
        raise worker_error(answer.error)


def _order(wav: Path, written: CommittedAudio, request: JobRequest) -> Iterator[bytes]:
    """Yield the delivery process's lines, as `supervisor/delivery/order.py` has them."""
    rate_hz = written.sample_rate_hz
    yield _line(
        {
            "path": request.output,
            "format": request.format,
            "sample_rate_hz": rate_hz,
            "title": _TITLE,
        }
    )
    yield _line(
        {
            "wav": os.fspath(wav),
            "sample_rate_hz": rate_hz,
            "samples": written.samples,
            "sha256": written.sha256,
        }
    )
    yield _line({"end": True})


def _line(fields: dict[str, str | float | bool]) -> bytes:
    return json.dumps(fields).encode("utf-8") + b"\n"
