"""Inputs into documents: the only part of planning that touches files."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from supervisor.errors import InputError
from supervisor.narration.decoding import KINDS, MOST_INPUT_BYTES, DecodingError, DocumentKind, decode
from supervisor.narration.plan import Plan, Recording, VoiceSpec
from supervisor.narration.planner import Document, Wishes, plan_documents
from supervisor.narration.summary import skipped_characters
from supervisor.planning.recordings import Recordings


class UnusableInput(InputError):
    """An input cannot be read, is not UTF-8, or holds nothing to speak.

    Attributes:
        input: Its name, as the user gave it.
    """

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.input = name


class Input(Protocol):
    """One input: a file, or a text that was given, or a file's text as it was at another time.

    Attributes:
        path: Absolute; None for a text that never was in a file.
        name: As the user gave it, or `stdin`.
        text: The text itself; None if it is to be read from the file.
    """

    @property
    def path(self) -> str | None: ...  # noqa: D102 -- see above
    @property
    def name(self) -> str: ...  # noqa: D102 -- see above
    @property
    def text(self) -> str | None: ...  # noqa: D102 -- see above


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a job says for everything that does not say otherwise.

    Attributes:
        voice: Its own, with its recording found.
        seed: Its own.
        segment_chars: Most characters of a segment.
        chapter_chars: Likewise, by number of a chapter that is to be cut smaller.
        names_files: Whether each JSONL line becomes a file of its name.
    """

    voice: VoiceSpec
    seed: int
    segment_chars: int
    chapter_chars: Mapping[int, int] = field(default_factory=dict[int, int])
    names_files: bool = True


def plan_inputs(inputs: Sequence[Input], asked: Asked, recordings: Recordings) -> Plan:
    """Read the inputs and return the plan for speaking them one after another.

    Args:
        inputs: In their order.
        asked: What the job says.
        recordings: Finds what the inputs name to be cloned.

    Raises:
        UnusableInput: If one cannot be read, is not UTF-8, or holds nothing to speak.
    """
    folders = {each.name: Path(each.path).parent for each in inputs if each.path is not None}

    def find_recording(document: str, path: str) -> Recording:
        return recordings.find(folders.get(document, Path.cwd()), path)

    wishes = Wishes(
        voice=asked.voice,
        seed=asked.seed,
        segment_chars=asked.segment_chars,
        find_recording=find_recording,
        find_voice=recordings.voice,
        chapter_chars=asked.chapter_chars,
        names_files=asked.names_files,
    )
    plan = plan_documents([_document(each) for each in inputs], wishes)
    _must_speak(plan)
    return replace(plan, notices=(*plan.notices, *recordings.notices))


def _document(each: Input) -> Document:
    if each.path is None:
        named = Path(each.name)
        kind = KINDS.get(named.suffix.lower())
        title = each.name if kind is None else named.stem
        return Document(name=each.name, title=title, kind=kind or "text", text=each.text or "")
    path = Path(each.path)
    if path.is_dir():
        raise UnusableInput(each.name, "is a folder; name the files in it")
    kind = KINDS.get(path.suffix.lower())
    if kind is None and not path.suffix and each.text is not None:
        kind = "text"  # what came through a pipe without a suffix, and was read by the parent
    if kind is None:
        known = ", ".join(KINDS)
        raise UnusableInput(
            each.name, f"of an unknown kind; known are {known} (for plain text: rename it, or give it on '-')"
        )
    text = _read(each.name, path, kind) if each.text is None else each.text
    return Document(name=each.name, title=path.stem, kind=kind, text=text)


def _read(name: str, path: Path, kind: DocumentKind) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_INPUT_BYTES + 1)
    except FileNotFoundError as error:
        raise UnusableInput(name, "there is no such file; check the name") from error
    except PermissionError as error:
        mend = f"chmod u+r {shlex.quote(name)}"
        raise UnusableInput(name, f"this user may not read it; mend: {mend}") from error
    except OSError as error:
        said = error.strerror or str(error)
        raise UnusableInput(name, f"cannot be read ({said}); copy it elsewhere and try again") from error
    try:
        return decode(name, content, kind)
    except DecodingError as error:
        raise UnusableInput(name, str(error)) from error


def _must_speak(plan: Plan) -> None:
    """Refuse a plan with an input that adds nothing to it."""
    speaking = {chapter.segments[0].source for chapter in plan.chapters}
    for number, source in enumerate(plan.sources):
        if number not in speaking:
            raise UnusableInput(source.name, _why_mute(plan, number))


def _why_mute(plan: Plan, number: int) -> str:
    text = plan.sources[number].text
    if not text.strip("\ufeff \t\r\n"):
        return "is empty: nothing to speak; give it some text"
    bad = [line for line in plan.bad_lines if line.source == number]
    if bad:
        return f"no line of {len(bad)} can be spoken; line {bad[0].line}: {bad[0].message}"
    skipped = ", ".join(
        f"{reason} {count}" for reason, count in sorted(skipped_characters(plan, number).items())
    )
    return (
        f"nothing to speak in its {len(text)} characters ({skipped}); "
        "give it a text with letters or digits outside of code and markup"
    )
