"""Which voices a Piper model's name may stand for, best first. Pure.

Programs name a file: `-m /voices/en_US-lessac-medium.onnx`. There is no such model here, so what counts is
the table of the configuration (`piper.voices`), then a voice of that very name, then one of its language,
then the engine's own. A name that is no model's is a voice's, and nothing stands in for it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

#: Of Piper's own voices: language, region, name, quality.
_MODEL = re.compile(r"(?P<language>[a-z]{2,3})_(?P<region>[A-Z]{2,3})-[^-]+(-[^-]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A voice that may be meant.

    Attributes:
        name: Of a voice; None = the engine's own choice.
        why: What makes it only a stand-in, for people; empty where it is what was asked for.
    """

    name: str | None
    why: str = ""


def candidates(model: str | None, speaker: str | None, table: Mapping[str, str]) -> list[Candidate]:
    """Return the voices to try, each once.

    Args:
        model: As after `-m`: a voice, or a model's file; None = not said.
        speaker: By name or number; None = not said.
        table: Names of models (`en_US-lessac-medium`), of speakers (`alice`), or of both
            (`en_US-libritts-high#12`), each with a voice; an empty one is the engine's own choice.
    """
    found: dict[str | None, Candidate] = {}
    for candidate in (*_of_speaker(model, speaker, table), *_of_model(model, speaker, table)):
        found.setdefault(candidate.name, candidate)
    return list(found.values())


def stem(model: str) -> str:
    """Return a model's name without its folder and suffixes."""
    return model.rstrip("/").rpartition("/")[2].removesuffix(".json").removesuffix(".onnx")


def _of_speaker(model: str | None, speaker: str | None, table: Mapping[str, str]) -> Iterator[Candidate]:
    if speaker is None:
        return
    both = f"{stem(model or '')}#{speaker}"
    for known in (both, speaker):
        if known in table:
            yield Candidate(name=table[known] or None)
            return
    if not speaker.isdecimal():
        yield Candidate(name=speaker)


def _of_model(model: str | None, speaker: str | None, table: Mapping[str, str]) -> Iterator[Candidate]:
    # 0 is the first speaker of every model, and the only one of most.
    unknown = "" if speaker in {None, "0"} else f"no speaker {speaker!r} here"
    if model is None:
        yield Candidate(name=None, why=unknown)
        return
    name = stem(model)
    if name in table:
        yield Candidate(name=table[name] or None, why=unknown)
        return
    yield Candidate(name=name, why=unknown)
    why = f"no model {name!r} here" + (f", {unknown}" if unknown else "")
    matched = _MODEL.fullmatch(name)
    if matched:
        yield Candidate(name=f"{matched['language']}-{matched['region'].lower()}", why=why)
        yield Candidate(name=matched["language"], why=why)
    if matched or name != model:
        yield Candidate(name=None, why=why)
