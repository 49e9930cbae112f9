"""Small plans, jobs and audio for tests of whatever reads or writes the ledger."""

from array import array
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from supervisor.core.segments import WaitingSegment
from supervisor.edge.audiofile import AudioPart
from supervisor.edge.ledger import Ledger, job_id_for
from supervisor.edge.ledger_values import JobSpec, StoredAudio
from supervisor.edge.statefolder import StateFolder, audio_name
from supervisor.narration.plan import (
    BadLine,
    Plan,
    PlannedChapter,
    PlannedSegment,
    Source,
    Span,
    VoiceSpec,
    segment_seed,
)
from supervisor.wire.messages import Figures

FIGURES = Figures(
    seconds=0.1, peak=0.5, clipped_share=0.0, longest_silence_s=0.0, tail_silence_s=0.0, level_jump_db=0.0
)


def spec_for(
    output: Path | str,
    *,
    file_format: Literal["wav", "flac"] = "wav",
    sample_rate_hz: int | None = None,
    engine_identity: str = "scripted 1",
) -> JobSpec:
    return JobSpec(
        job=job_id_for(str(output)),
        output=str(output),
        format=file_format,
        sample_rate_hz=sample_rate_hz,
        engine="scripted",
        engine_identity=engine_identity,
        voice=VoiceSpec(),
        seed=0,
        pauses_s={"none": 0.0, "sentence": 0.25, "paragraph": 0.5, "heading": 1.0},
        inputs=["story.txt"],
    )


def plan_of(
    *chapters: Sequence[str],
    titles: Sequence[str] = (),
    names: Sequence[str | None] = (),
    rates_hz: Sequence[int | None] = (),
    bad_lines: Sequence[BadLine] = (),
) -> Plan:
    """One source; a chapter per argument, its segments with a space after each."""
    planned: list[PlannedChapter] = []
    spans: list[Span] = []
    text = ""
    for place, texts in enumerate(chapters):
        segments: list[PlannedSegment] = []
        for number, spoken in enumerate(texts):
            start, end = len(text), len(text) + len(spoken)
            occurrence = list(texts[:number]).count(spoken)
            segments.append(
                PlannedSegment(
                    chapter=place,
                    text=spoken,
                    seed=segment_seed(0, spoken, occurrence),
                    occurrence=occurrence,
                    pause="paragraph" if number == len(texts) - 1 else "sentence",
                    source=0,
                    start=start,
                    end=end,
                )
            )
            spans += [
                Span(source=0, start=start, end=end, reason=None),
                Span(source=0, start=end, end=end + 1, reason="blank"),
            ]
            text += spoken + " "
        planned.append(
            PlannedChapter(
                title=titles[place] if titles else f"Chapter {place + 1}",
                name=names[place] if names else None,
                voice=VoiceSpec(),
                seed=0,
                sample_rate_hz=rates_hz[place] if rates_hz else None,
                settings={},
                segments=tuple(segments),
            )
        )
    return Plan(
        sources=(Source(name="story.txt", text=text),),
        chapters=tuple(planned),
        spans=tuple(spans),
        bad_lines=tuple(bad_lines),
    )


def tone(samples: int) -> bytes:
    """Sawtooth of 100 samples' period, 16 bits, the same on every machine."""
    return array("h", [(n % 100) * 200 - 10_000 for n in range(samples)]).tobytes()


def store(
    state: StateFolder, job: str, key: str, *, samples: int = 2205, sample_rate_hz: int = 22_050
) -> StoredAudio:
    """Put audio under a key on disk, as the loop does."""
    part = AudioPart(state.audio_path(job, key))
    part.append(tone(samples))
    audio = part.commit(sample_rate_hz)
    return StoredAudio(
        key=key,
        path=audio_name(job, key),
        samples=audio.samples,
        sample_rate_hz=audio.sample_rate_hz,
        sha256=audio.sha256,
        figures=FIGURES,
    )


def speak(  # noqa: PLR0913 -- a call of it is what a child did
    ledger: Ledger,
    state: StateFolder,
    job: str,
    segment: WaitingSegment,
    *,
    sample_rate_hz: int = 22_050,
    past: bytes = b"",
) -> StoredAudio:
    """Take one waiting segment all the way to done."""
    ledger.claim(job, segment.key)
    stored = replace(store(state, job, segment.key, sample_rate_hz=sample_rate_hz), past=past)
    ledger.done(job, stored, attempts=segment.attempts + 1)
    return stored


def speak_all(ledger: Ledger, state: StateFolder, job: str) -> None:
    for segment in ledger.waiting(job, -1, 1_000_000):
        speak(ledger, state, job, segment)
