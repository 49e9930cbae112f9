"""Every key of config.toml with the check of its value."""

from supervisor.config.checks import (
    Check,
    amount,
    command,
    devices,
    faults,
    flag,
    flag_or_auto,
    hosts,
    label,
    mark,
    number,
    one_of,
    one_rate_of,
    place,
    places,
    poison,
    rate_or_own,
    seconds_or_auto,
    secret,
    steps,
    synonyms,
    text,
    texts,
    whole,
    words,
)

#: Engines that ship with this package; any other name is looked up among the entry points.
BUILTIN_ENGINES = ("espeak", "scripted", "glm", "glm-upstream")


def engine_table(name: str) -> str:
    """Return the name of an engine's table below `[engine]`: its own, an underscore for each hyphen.

    So that the environment can name it too (`TTS_SUPERVISOR_ENGINE__GLM_UPSTREAM__PATH`): variables have no
    hyphens. A table that is written with hyphens is the same table.
    """
    return name.replace("-", "_")


#: Scripts that an eSpeak voice can be chosen for; what belongs to which is in child/scripts.py.
ESPEAK_SCRIPTS = (
    "latin", "han", "kana", "hangul", "cyrillic", "greek", "arabic", "hebrew", "devanagari", "bengali",
    "gujarati", "gurmukhi", "oriya", "tamil", "telugu", "kannada", "malayalam", "sinhala", "thai",
    "myanmar", "georgian", "armenian", "ethiopic", "cherokee", "shavian",
)  # fmt: skip

#: What is never shown: not by `config show`, not in a log, not in an error.
SECRETS = frozenset({"http.api_key"})

#: An hour: longer waits and pauses are surely a slip of the unit.
_HOUR_S = 3600.0
_DAY_S = 86400.0
_seconds = number(least=0, most=_HOUR_S)

#: Every key that this version knows. The table of another package's engine is checked by `setting`.
KEYS: dict[str, Check] = {
    "engine.name": words,
    **{f"engine.espeak.voice_{script}": words for script in ESPEAK_SCRIPTS},
    # The limits of [engine.espeak] and [engine.scripted] are those of child/espeak.py and child/scripted.py.
    "engine.espeak.rate_wpm": whole(least=80, most=450),
    "engine.espeak.pitch": whole(least=0, most=99),
    "engine.scripted.seconds_per_char": number(least=0.0001, most=60),
    "engine.scripted.wall_per_char_s": _seconds,
    "engine.scripted.load_s": number(least=0, most=86400),
    "engine.scripted.load_bytes": amount,
    "engine.glm.checkpoint": place,
    "engine.glm.configs": place,
    "engine.glm.lexicon": place,
    "engine.glm.sample_rate": one_rate_of(24_000, 32_000),
    "engine.glm.precision": one_of("auto", "bf16", "fp32"),
    "engine.glm.kv_cache": flag_or_auto,
    "engine.glm.phonemes": flag,
    "engine.glm.history": flag,
    "engine.glm.threads": whole(least=1, most=256),
    "engine.glm_upstream.path": place,
    "engine.glm_upstream.sample_rate": one_rate_of(24_000, 32_000),
    "engine.glm_upstream.phonemes": flag,
    "engine.glm_upstream.history": flag,
    "engine.glm_upstream.sample_method": one_of("ras", "topk"),
    "engine.faults.peak_bytes": amount,
    "engine.faults.leak_bytes": amount,
    "engine.faults.plateau": whole(least=0, most=10**9),
    "engine.faults.slowdown": number(least=0, most=100),
    "engine.faults.faults": faults,
    "engine.faults.poison": poison,
    "child.python": text,
    "child.device": devices,
    "child.start": one_of("template", "cold"),
    # A day: loading weights over a slow network takes long, and nothing else waits for it.
    "child.start_timeout_s": number(least=0, most=_DAY_S, open_below=True),
    "child.term_grace_s": _seconds,
    "child.stall_s": number(least=0, most=_DAY_S, open_below=True),
    "child.attempts": whole(least=1, most=1000),
    "child.idle_unload_s": number(least=0, most=_DAY_S),
    "child.max_segments": whole(least=0, most=10**9),
    # A reading takes about a millisecond: oftener, the loop would do little else.
    "memory.poll_s": number(least=0.01, most=_HOUR_S),
    "memory.device.soft": mark,
    "memory.device.hard": mark,
    "memory.host.soft": mark,
    "memory.host.hard": mark,
    "memory.leak.live": mark,
    "memory.leak.other": mark,
    "memory.record": text,
    "memory.clean_after": one_of("never", "segment", "job"),
    "degrade.steps": steps,
    "batch.size": whole(least=0, most=10**9),
    "batch.rest_s": _seconds,
    # 10,000 characters are ten minutes of speech in one piece: more is no segment any more.
    "narration.segment_chars": whole(least=1, most=10_000),
    "narration.pause_sentence_s": _seconds,
    "narration.pause_paragraph_s": _seconds,
    "narration.pause_heading_s": _seconds,
    # Each is a conversation that is kept; far more than any number of devices can speak.
    "queue.max_running": whole(least=1, most=1000),
    # Each waits with its text in memory.
    "queue.max_waiting": whole(least=0, most=10_000),
    "alerts.command": command,
    "http.api_key": secret,
    "http.api_key_file": place,
    "http.hosts": hosts,
    "http.output_folders": places,
    "http.models": texts,
    "http.voices": synonyms,
    # What the service takes at once; what is longer is a job.
    "http.text_chars": whole(least=1, most=20_000),
    "http.body_bytes": amount,
    # Each takes up to 100 KiB while it is at work, and a descriptor of the 1024 that a process has.
    "http.connections": whole(least=1, most=900),
    # Each a process of some 45 MiB.
    "http.encoders": whole(least=1, most=64),
    "wyoming.sample_rate": rate_or_own,
    "wyoming.sentence_silence_s": seconds_or_auto,
    "wyoming.connections": whole(least=1, most=900),
    "wyoming.zeroconf": label,
    "piper.voices": synonyms,
    "log.format": one_of("text", "json"),
    "log.level": one_of("debug", "info", "warning", "error"),
}
