"""What Piper's `--length-scale` is here: the tempo of an engine that has one."""

from collections.abc import Iterator

from supervisor.config import Config, Given
from supervisor.wire.messages import Setting

_OPTION = "--length-scale"

#: Of eSpeak: words a minute.
_RATES_WPM = (80, 450)


def tempo_keys(config: Config, scale: float) -> Iterator[Given]:
    """Yield the keys that make an engine speak so many times as long; none where it has no tempo.

    Args:
        config: Its settings without that.
        scale: Over 0; 1 = as it is.
    """
    settings, engine = config.engine.settings, config.engine.name
    if scale == 1.0:
        return
    if engine == "espeak":
        least, most = _RATES_WPM
        rate_wpm = min(max(round(_number(settings["rate_wpm"]) / scale), least), most)
        yield Given(key="engine.espeak.rate_wpm", value=rate_wpm, origin=_OPTION)
    if engine == "scripted":
        seconds = _number(settings["seconds_per_char"]) * scale
        yield Given(key="engine.scripted.seconds_per_char", value=seconds, origin=_OPTION)


def _number(setting: Setting) -> float:
    assert isinstance(setting, int | float), "the configuration was checked"
    return setting


def has_tempo(engine: str) -> bool:
    """Say whether an engine's tempo can be set."""
    return engine in {"espeak", "scripted"}
