"""Cut the text of a request, as the planning process would: here, since it is short.

A request's text is some sentences: to cut them takes a tenth of a millisecond, to start a process for it a
quarter of a second. Same text, same cuts, same seeds as `say`, so the same bytes.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from supervisor.config import Config
from supervisor.core.segments import WaitingSegment
from supervisor.edge.voices import VoiceShelf
from supervisor.loop.recutting import told_rate_hz
from supervisor.loop.service import CannotAsk
from supervisor.loop.speaking import SpeechRequest
from supervisor.narration.fitting import PLAIN_ENGINES, Speaker, fit_to_engine
from supervisor.narration.jsonl import LineError
from supervisor.narration.plan import MAX_SEED, PauseKind, Plan, Recording, VoiceSpec
from supervisor.narration.planner import Document, Wishes, plan_documents
from supervisor.wire.messages import Reference

#: Longest text of a request; what is longer is a job. Cutting it takes some 10 ms.
MOST_TEXT_CHARS: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CutText:
    """What a request becomes.

    Attributes:
        segments: In speaking order; at least one.
        pauses_s: Silence after each.
    """

    segments: tuple[WaitingSegment, ...]
    pauses_s: tuple[float, ...]


def cut_text(config: Config, state: Path, job: str, request: SpeechRequest) -> CutText:
    """Return the segments of a request.

    Args:
        config: All of it.
        state: The state folder: cloned voices are there.
        job: Id of the request.
        request: What is wanted.

    Raises:
        CannotAsk: `bad_input` if the text is too long or holds nothing to speak, or the seed is impossible.
    """
    _check(request)
    wishes = Wishes(
        voice=VoiceSpec(name=request.voice),
        seed=request.seed,
        segment_chars=config.narration.segment_chars,
        find_recording=_no_recording,
    )
    document = Document(name="text", title="text", kind="text", text=request.text)
    speaker = Speaker(engine=config.engine.name, rate_hz=told_rate_hz(config), asked_hz=request.sample_rate)
    plan = fit_to_engine(plan_documents([document], wishes), speaker)
    if not plan.chapters:
        raise _bad("text: nothing to speak in it; give it letters or digits")
    segments = _segments(plan, job, _reference(config, state, request.voice))
    pauses = tuple(_pause_s(config, one.pause) for chapter in plan.chapters for one in chapter.segments)
    return CutText(segments=segments, pauses_s=pauses)


def _check(request: SpeechRequest) -> None:
    if len(request.text) > MOST_TEXT_CHARS:
        raise _bad(
            f"text: {len(request.text)} characters, at most {MOST_TEXT_CHARS} can be asked for at once; "
            "hand a longer one in by jobs/submit"
        )
    if not 0 <= request.seed <= MAX_SEED:
        raise _bad(f"seed: {request.seed} is not within 0 .. {MAX_SEED}")


def _segments(plan: Plan, job: str, reference: Reference | None) -> tuple[WaitingSegment, ...]:
    flat = [(chapter, one) for chapter in plan.chapters for one in chapter.segments]
    return tuple(
        WaitingSegment(
            job=job,
            number=number,
            key=str(number),
            chapter=one.chapter,
            text=one.text,
            voice=None if reference is not None else chapter.voice.name,
            reference=reference,
            seed=one.seed,
            settings=chapter.settings,
            attempts=0,
            killed=0,
            ends_paragraph=one.pause in {"paragraph", "heading"},
            ends_chapter=one is chapter.segments[-1],
        )
        for number, (chapter, one) in enumerate(flat)
    )


def _reference(config: Config, state: Path, voice: str | None) -> Reference | None:
    if voice is None or config.engine.name in PLAIN_ENGINES:
        return None
    shelf = VoiceShelf(state)
    cloned = shelf.find(voice)
    if cloned is None:
        return None
    return Reference(path=str(shelf.recording(cloned)), text=cloned.text, called=cloned.name)


def _pause_s(config: Config, pause: PauseKind) -> float:
    narration = config.narration
    return {
        "none": 0.0,
        "sentence": narration.pause_sentence_s,
        "paragraph": narration.pause_paragraph_s,
        "heading": narration.pause_heading_s,
    }[pause]


def _no_recording(document: str, path: str) -> Recording:
    raise LineError(f"{document}: a text names no recordings, got {path}")


def _bad(message: str) -> CannotAsk:
    return CannotAsk(message, kind="bad_input", retryable=False)
