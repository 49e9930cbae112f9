"""What a request gives back: its samples in pieces, or a file."""

import asyncio
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import msgspec

from supervisor import errors
from supervisor.edge.audiofile import HEADER_BYTES, AudioPart
from supervisor.loop.answers import DeliveryAnswer, worker_error
from supervisor.loop.service import CannotAsk
from supervisor.loop.speaking import OnAudio, Speech, SpeechRequest
from supervisor.loop.utterance import Spoken
from supervisor.loop.workers import WorkerFailed, run_worker_to_the_end

Format = Literal["wav", "flac"]

#: So much goes to a client at once: a second at 24 kHz, two lines. In the parent's hands, so it stays small.
_PIECE_BYTES: Final = 48 * 1024

#: A WAV of up to so much is put together here, in a few milliseconds; more by a process of its own.
_OURS_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be made of a request.

    Attributes:
        request: What was asked for.
        path: Of the file; None = only samples.
        format: Of the file.
        keeps: Whether the file must outlive the machine's power: the client named it.
        state: The state folder, real path.
    """

    request: SpeechRequest
    path: Path | None
    format: Format
    keeps: bool
    state: Path


class SpeechFile:
    """Takes the segments of one request as they are spoken, and ends as `Speech`."""

    def __init__(self, wanted: Wanted, pauses_s: tuple[float, ...], on_audio: OnAudio | None) -> None:
        """Begin with nothing.

        Args:
            wanted: What is to be made.
            pauses_s: Silence after each segment; the last one's is not made.
            on_audio: Takes samples as they come, also where a file is all that was asked for; None =
                nobody wants them.
        """
        self._wanted = wanted
        self._pauses_s = pauses_s
        self._on_audio = on_audio
        self._spoken: list[Spoken] = []
        self._digest = hashlib.sha256()

    @property
    def _rate_hz(self) -> int:
        return self._wanted.request.sample_rate or self._native_hz

    @property
    def _native_hz(self) -> int:
        return self._spoken[0].audio.sample_rate_hz

    @property
    def _goes_inline(self) -> bool:
        """Whether the client has the samples: not so where only their progress is wanted."""
        return self._on_audio is not None and self._wanted.request.audio == "inline"

    @property
    def _is_native(self) -> bool:
        return self._rate_hz == self._native_hz

    def take(self, spoken: Spoken) -> None:
        """Take the next segment; hands its samples on where they can be handed on as they are.

        Where the client gets a file, they tell how far it is, whatever its rate.
        """
        before_s = self._pauses_s[len(self._spoken) - 1] if self._spoken else 0.0
        self._spoken.append(spoken)
        if self._on_audio is not None and (self._is_native or not self._goes_inline):
            self._send(bytes(2 * round(before_s * self._native_hz)), self._native_hz)
            self._send_file(self._wanted.state / spoken.audio.path, self._native_hz)

    async def end(self) -> Speech:
        """Make what is still to be made of it.

        Raises:
            CannotAsk: `disk_full`, `busy` or `bad_input` where the file cannot be written.
        """
        try:
            return await self._end()
        except errors.DiskFull as error:
            raise CannotAsk(str(error), kind="disk_full", retryable=True) from error
        except errors.TryLater as error:  # another service writes the same file
            raise CannotAsk(str(error), kind="busy", retryable=True) from error
        except errors.SupervisorError as error:
            raise CannotAsk(str(error), kind="bad_input", retryable=False) from error
        except WorkerFailed as error:
            raise CannotAsk(str(error), kind="child_crashed", retryable=True) from error

    async def _end(self) -> Speech:
        path, sha256 = self._wanted.path, ""
        if self._goes_inline and path is not None and not self._is_native:
            raise CannotAsk(
                "audio: inline samples of another rate, and a file of them: ask for one of the two",
                kind="bad_input",
                retryable=False,
            )
        if path is not None:
            sha256 = await self._write(path)
        elif not self._is_native:
            passing = self._wanted.state / f"{self._spoken[0].audio.path}.out"
            try:
                await self._delivered(passing, "wav")
                self._send_file(passing, self._rate_hz)
            finally:
                passing.unlink(missing_ok=True)
        return Speech(
            seconds=round(self._samples / self._rate_hz, 6),
            sample_rate=self._rate_hz,
            sha256=self._digest.hexdigest() if path is None else sha256,
            attempts=max(one.attempts for one in self._spoken),
            checks=_checks(self._spoken),
            path=None if path is None else str(path),
            segments=len(self._spoken),
        )

    # ------------------------------------------------------------------ samples

    def _send_file(self, wav: Path, rate_hz: int) -> None:
        with wav.open("rb") as file:
            file.seek(HEADER_BYTES)
            while piece := file.read(_PIECE_BYTES):
                self._send(piece, rate_hz)

    def _send(self, pcm: bytes, rate_hz: int) -> None:
        if pcm and self._on_audio is not None:
            self._digest.update(pcm)
            self._on_audio(pcm, rate_hz)

    # ------------------------------------------------------------------ the file

    @property
    def _samples(self) -> int:
        spoken = sum(_at(one.audio.samples, one.audio.sample_rate_hz, self._rate_hz) for one in self._spoken)
        return spoken + sum(round(pause_s * self._rate_hz) for pause_s in self._pauses_s[:-1])

    async def _write(self, path: Path) -> str:
        """Write the file; return its hash."""
        is_small = 2 * self._samples <= _OURS_BYTES
        if self._wanted.format == "wav" and self._is_native and is_small:
            return self._put_together(path)
        return await self._delivered(path, self._wanted.format)

    def _put_together(self, path: Path) -> str:
        part = AudioPart(path, durable=self._wanted.keeps)
        try:
            for one, pause_s in zip(self._spoken, (0.0, *self._pauses_s), strict=False):
                part.append(bytes(2 * round(pause_s * self._rate_hz)))
                part.append((self._wanted.state / one.audio.path).read_bytes()[HEADER_BYTES:])
            return part.commit(self._rate_hz).sha256
        finally:
            part.discard()

    async def _delivered(self, path: Path, kind: Format) -> str:
        marker = str(self._wanted.state)
        try:
            line = await run_worker_to_the_end(
                "supervisor.delivery",
                lambda: self._order(path, kind),
                state_marker=marker,
                told=lambda _: None,
            )
        except asyncio.CancelledError:
            _part_of(path).unlink(missing_ok=True)  # the process was killed at its work
            raise
        answer = msgspec.json.decode(line, type=DeliveryAnswer)
        if answer.ok is None:
            raise worker_error(answer.error)
        return answer.ok.sha256

    def _order(self, path: Path, kind: Format) -> Iterator[bytes]:
        """Yield the delivery process's lines, as `supervisor/delivery/order.py` has them."""
        yield _line(path=str(path), format=kind, sample_rate_hz=self._rate_hz, title="")
        for number, one in enumerate(self._spoken):
            if number and self._pauses_s[number - 1]:
                yield _line(silence_s=self._pauses_s[number - 1])
            audio = one.audio
            wav = str(self._wanted.state / audio.path)
            yield _line(
                wav=wav, sample_rate_hz=audio.sample_rate_hz, samples=audio.samples, sha256=audio.sha256
            )
        yield _line(end=True)


def _part_of(path: Path) -> Path:
    """Return what the delivery process writes before a file has its name."""
    target = Path(os.path.realpath(path))
    return target.with_name(f".{target.name}.part")


def _at(samples: int, rate_hz: int, wanted_hz: int) -> int:
    """Return how long so many samples are at another rate, as the delivery process has it."""
    return (samples * wanted_hz + rate_hz // 2) // rate_hz


def _checks(spoken: list[Spoken]) -> dict[str, float]:
    figures = [one.audio.figures for one in spoken]
    return {
        "peak": max(one.peak for one in figures),
        "clipped_share": max(one.clipped_share for one in figures),
        "longest_silence_s": max(one.longest_silence_s for one in figures),
        "tail_silence_s": figures[-1].tail_silence_s,
        "level_jump_db": max(one.level_jump_db for one in figures),
    }


def _line(**fields: str | float | bool) -> bytes:
    return json.dumps(fields).encode("utf-8") + b"\n"
