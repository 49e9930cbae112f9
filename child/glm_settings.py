"""The table `[engine.glm]`, and what of it a JSONL line may say otherwise."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from child.engine import SettingsError
from child.settings import Bounds, read_flag, read_number, read_one_of, refuse_unknown
from supervisor.wire.messages import Setting

WHERE = "engine.glm"

#: What a line may say; the rest is of the whole life.
_OF_A_LINE = ("sample_rate", "kv_cache", "phonemes")
_KEYS = (*_OF_A_LINE, "checkpoint", "configs", "lexicon", "precision", "history", "threads")

_RATES_HZ = (24_000, 32_000)
_PRECISIONS: dict[str, Literal["fp32", "bf16"] | None] = {"auto": None, "fp32": "fp32", "bf16": "bf16"}
_THREADS = Bounds(1, 1, 256)


@dataclass(frozen=True, slots=True, kw_only=True)
class GlmSettings:
    """What is asked of one utterance, and of the life that speaks it.

    Attributes:
        checkpoint: The released folder.
        configs: The model's pronunciation tables, or None.
        lexicon: A user's own, or None.
        precision: Of language model and flow; None = by the device.
        history: Whether a segment hears of those before it in its chapter or line.
        threads: On the CPU. The order of a sum depends on them, so they are a part of the voice's identity.
        sample_rate_hz: 24000 or 32000.
        kv_cache: True, false or "auto".
        phonemes: Whether characters that need it are spelled by phonemes.
    """

    checkpoint: Path
    configs: Path | None
    lexicon: Path | None
    precision: Literal["fp32", "bf16"] | None
    history: bool
    threads: int
    sample_rate_hz: int
    kv_cache: bool | Literal["auto"]
    phonemes: bool


def read_settings(settings: Mapping[str, Setting]) -> GlmSettings:
    """Check the table.

    Raises:
        SettingsError: Naming the key, what was seen and the mend.
    """
    refuse_unknown(settings, _KEYS, WHERE)
    found = GlmSettings(
        checkpoint=_checkpoint(settings),
        configs=_place(settings, "configs"),
        lexicon=_place(settings, "lexicon"),
        precision=_precision(settings),
        history=read_flag(settings, "history", WHERE, default=True),
        threads=int(read_number(settings, "threads", WHERE, _THREADS)),
        sample_rate_hz=read_one_of(settings, "sample_rate", WHERE, _RATES_HZ),
        kv_cache=_kv_cache(settings),
        phonemes=read_flag(settings, "phonemes", WHERE, default=False),
    )
    if found.lexicon is not None and found.configs is None:
        raise SettingsError(f"{WHERE}.lexicon is used beside the model's tables: set {WHERE}.configs as well")
    return found


def of_line(base: Mapping[str, Setting], line: Mapping[str, Setting]) -> GlmSettings:
    """Return the table with a line's own on top.

    Raises:
        SettingsError: If the line says what only a whole life can have.
    """
    refuse_unknown(line, _OF_A_LINE, "this line's")
    return read_settings({**base, **line})


def _checkpoint(settings: Mapping[str, Setting]) -> Path:
    path = _place(settings, "checkpoint")
    if path is None:
        raise SettingsError(
            f"{WHERE}.checkpoint is not set: name the folder of the released model "
            "(`tts-supervisor models get glm-tts` downloads it)"
        )
    return path


def _place(settings: Mapping[str, Setting], key: str) -> Path | None:
    value = settings.get(key, "")
    if not isinstance(value, str):
        raise SettingsError(f"{WHERE}.{key} = {value!r} is no path")
    if not value:
        return None
    path = Path(value).expanduser()
    if not path.exists():
        raise SettingsError(f"{WHERE}.{key} = {value!r}: there is no such file or folder")
    return path


def _precision(settings: Mapping[str, Setting]) -> Literal["fp32", "bf16"] | None:
    asked = read_one_of(settings, "precision", WHERE, ("auto", "fp32", "bf16"))
    return _PRECISIONS[asked]


def _kv_cache(settings: Mapping[str, Setting]) -> bool | Literal["auto"]:
    value = settings.get("kv_cache", "auto")
    if isinstance(value, bool):
        return value
    if value == "auto":
        return "auto"
    raise SettingsError(f'{WHERE}.kv_cache = {value!r}; there are: true, false, "auto"')


def cache_folder() -> Path:
    """Return where what can be computed again is kept: the XDG cache folder, or systemd's."""
    given = os.environ.get("CACHE_DIRECTORY") or os.environ.get("XDG_CACHE_HOME")
    base = Path(given) if given else Path("~/.cache").expanduser()
    return base / "tts-supervisor"
