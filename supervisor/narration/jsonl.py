"""JSONL: each line is one thing to speak, in GLM-TTS's form, the web tools' or the plain one.

    {"text"}
    {"uttid", "prompt_text", "prompt_speech", "syn_text"}
    {"prompt_text", "prompt_audio", "input_text", "output_name"}

Each may carry `id`, `voice`, `seed`, `sample_rate`, `use_kv_cache` (true, false or "auto"), `phonemes`
(true or false); null is the same as absent. A line that cannot be spoken costs only itself. Fields of
other programs (GLM's scripts for training write some) are passed over, and a notice says which.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from supervisor.narration.decoding import LOST_BYTE
from supervisor.narration.json_text import string_field
from supervisor.narration.plan import MAX_SEED
from supervisor.narration.traced import Traced
from supervisor.wire.messages import Setting
from supervisor.wire.speech import speakable

#: Far above any text for one utterance; a file with no line ends at all is no JSONL.
MOST_LINE_CHARS = 8 * 1024 * 1024
#: What soxr and the finished formats can do; also keeps typing errors (24, 24000000) out.
LEAST_RATE_HZ, MOST_RATE_HZ = 4000, 384_000
#: A file system allows 255 bytes for a name; suffixes and a temporary name must fit too.
MOST_NAME_BYTES = 200

_TEXTS = ("text", "syn_text", "input_text")
_RECORDINGS = ("prompt_speech", "prompt_audio")
_NAMES = ("id", "uttid", "output_name")
_STRINGS = (*_TEXTS, *_RECORDINGS, "prompt_text", "voice")
#: Names of `[engine.glm]` for the switches of a line.
_SWITCHES = {"use_kv_cache": "kv_cache", "phonemes": "phonemes"}
#: The one switch that may be left to the engine, and how.
_AUTOMATIC = ("use_kv_cache", "auto")
_KNOWN = frozenset((*_STRINGS, *_NAMES, *_SWITCHES, "seed", "sample_rate"))

_LINE = re.compile(r"[^\n]*(?:\n|\Z)")
_SUFFIX = re.compile(r"\.(?:wav|flac)\Z", re.IGNORECASE)
_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class LineError(ValueError):
    """A line cannot be spoken; the message says what is wrong with it and the mend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonLine:
    """What one line asks for.

    Attributes:
        body: The text to speak, traced to the JSON string that writes it.
        name: File name without suffix, or None.
        voice: A voice's name, or None.
        recording: Path of a recording to clone, as written, or None.
        recording_text: What is said in it; None only without a recording.
        seed: Or None.
        sample_rate_hz: Or None.
        settings: Engine settings by their names in the configuration.
        unused: Fields that mean nothing here.
    """

    body: Traced
    name: str | None
    voice: str | None
    recording: str | None
    recording_text: str | None
    seed: int | None
    sample_rate_hz: int | None
    settings: dict[str, Setting]
    unused: tuple[str, ...]


def lines_of(source: Traced) -> Iterator[tuple[int, Traced]]:
    """Yield each line that is not blank with its number from 1, without its line end."""
    for number, found in enumerate(_LINE.finditer(source.text), start=1):
        line = found[0].rstrip("\r\n")
        if line.strip():
            yield number, source[found.start() : found.start() + len(line)]


def read_line(line: Traced) -> JsonLine:
    """Read one line.

    Raises:
        LineError: If it cannot be spoken.
    """
    fields = _fields(line.text)
    recording, recording_text = _recording(fields)
    return JsonLine(
        body=string_field(line, _one_of(fields, _TEXTS)),
        name=_name(fields),
        voice=_text(fields, "voice") or None,
        recording=recording,
        recording_text=recording_text,
        seed=_number(fields, "seed", 0, MAX_SEED),
        sample_rate_hz=_number(fields, "sample_rate", LEAST_RATE_HZ, MOST_RATE_HZ),
        settings=_settings(fields),
        unused=tuple(sorted(fields.keys() - _KNOWN)),
    )


_Fields = dict[str, object]


def _fields(text: str) -> _Fields:
    if len(text) > MOST_LINE_CHARS:
        raise LineError(f"the line has {len(text)} characters, the most is {MOST_LINE_CHARS}; split it")
    try:
        parsed: object = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise LineError(_why_no_json(text, error)) from error
    except LineError:
        raise
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, a thousand brackets
        raise LineError(f"not JSON that can be read: {error}") from error
    if not isinstance(parsed, _Object):
        raise LineError('not a JSON object; write {"text": "…"}')
    return {name: value for name, value in parsed.fields.items() if value is not None}


def _why_no_json(text: str, error: json.JSONDecodeError) -> str:
    lost = LOST_BYTE.search(text)
    if lost is None:
        return f"not JSON: {error.msg} at column {error.colno}"
    return f"not UTF-8: byte 0x{lost[1]} at column {lost.start() + 1}; convert the line, as with iconv"


@dataclass(frozen=True, slots=True)
class _Object:
    fields: _Fields


def _object(pairs: list[tuple[str, object]]) -> _Object:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise LineError(f"field {twice!r} stands there twice; keep one")
    return _Object(fields)


def _no_constant(constant: str) -> object:
    raise LineError(f"not JSON: {constant}")


def _one_of(fields: _Fields, names: tuple[str, ...]) -> str:
    """Return which of the fields is there, exactly one of them."""
    there = [name for name in names if name in fields]
    if not there:
        raise LineError(f"no text: one of the fields {', '.join(names)} must be there")
    if len(there) > 1:
        raise LineError(f"fields {' and '.join(there)} mean the same; keep one")
    _text(fields, there[0])
    return there[0]


def _text(fields: _Fields, name: str) -> str:
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise LineError(f"field {name!r} must be a string, not {_kind(value)}")
    broken = _SURROGATE.search(value)
    if broken is not None:
        raise LineError(f"field {name!r} holds \\u{ord(broken[0]):04x}, half of a character; write the whole")
    return value


def _recording(fields: _Fields) -> tuple[str | None, str | None]:
    """Return the recording and its words; the web tools write empty strings for none."""
    there = [name for name in _RECORDINGS if _text(fields, name)]
    words = _text(fields, "prompt_text")
    if len(there) > 1:
        raise LineError(f"fields {' and '.join(there)} mean the same; keep one")
    if not there:
        return None, None
    path = _text(fields, there[0])
    if "\0" in path:
        raise LineError(f"field {there[0]!r} holds a NUL; no path has one")
    if not speakable(words):
        raise LineError(f"field {there[0]!r} names a recording; prompt_text must say what is said in it")
    return path, words


def _name(fields: _Fields) -> str | None:
    for field in _NAMES:
        value = fields.get(field, "")
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        name = _SUFFIX.sub("", _text({field: value}, field)).strip()
        if name:
            return _safe(field, name)
    return None


def _safe(field: str, name: str) -> str:
    if _UNSAFE.search(name) is not None or name.startswith("."):
        raise LineError(
            f"field {field!r} is {name!r}, no file name: it may hold no slash, backslash or control "
            "character and not begin with a dot"
        )
    if len(name.encode()) > MOST_NAME_BYTES:
        raise LineError(f"field {field!r} is too long for a file name; the most is {MOST_NAME_BYTES} bytes")
    return name


def _number(fields: _Fields, name: str, least: int, most: int) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise LineError(f"field {name!r} must be a whole number, not {_kind(value)}")
    if not least <= value <= most:
        raise LineError(f"field {name!r} is out of range: {least} to {most}")
    return value


def _settings(fields: _Fields) -> dict[str, Setting]:
    settings: dict[str, Setting] = {}
    for field, setting in _SWITCHES.items():
        value = fields.get(field)
        if value is None:
            continue
        if not isinstance(value, bool) and (field, value) != _AUTOMATIC:
            also = f' or "{_AUTOMATIC[1]}"' if field == _AUTOMATIC[0] else ""
            raise LineError(f"field {field!r} must be true or false{also}, not {_kind(value)}")
        settings[setting] = cast("Setting", value)
    return settings


def _kind(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case str():
            return "a string"
        case int() | float():
            return "the number " + repr(value)[:30]
        case list():
            return "a list"
        case _:
            return "an object"
