import sys
from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.config import Config, load_config
from supervisor.config.keys import BUILTIN_ENGINES, KEYS, engine_table
from supervisor.config.reload import IN_WORDS, compare, told_values, values_of, when


def loaded(*sets: str) -> Config:
    return load_config(sets=sets, environ={})


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_said_to_take_effect_at_some_time(key: str) -> None:
    assert when(key) in IN_WORDS


def test_what_is_no_key_never_takes_effect() -> None:
    with pytest.raises(KeyError):
        when("memory.colour")


@pytest.mark.parametrize("engine", BUILTIN_ENGINES)
def test_every_key_is_compared_but_the_tables_of_other_engines(engine: str) -> None:
    others = tuple(f"engine.{engine_table(name)}." for name in BUILTIN_ENGINES if name != engine)
    assert values_of(loaded(f"engine.name={engine}")).keys() == {
        key for key in KEYS if not key.startswith(others)
    }


#: Another value than the shipped one for every key that the engine "scripted" is compared by.
OTHER = {
    "engine.scripted.seconds_per_char": "0.5",
    "engine.scripted.wall_per_char_s": "0.5",
    "engine.scripted.load_s": "0.5",
    "engine.scripted.load_bytes": "1MiB",
    "engine.faults.peak_bytes": "1MiB",
    "engine.faults.leak_bytes": "1MiB",
    "engine.faults.plateau": "3",
    "engine.faults.slowdown": "0.5",
    "engine.faults.faults": '["oom@2"]',
    "engine.faults.poison": '{ "x" = "oom" }',
    "child.python": "sh",
    "child.device": "cpu",
    "child.start": "cold",
    "child.start_timeout_s": "30",
    "child.term_grace_s": "30",
    "child.stall_s": "31",
    "child.attempts": "30",
    "child.idle_unload_s": "30",
    "child.max_segments": "30",
    "memory.poll_s": "30",
    "memory.record": "night.jsonl",
    "memory.clean_after": "job",
    "memory.device.soft": "30%",
    "memory.device.hard": "96%",
    "memory.host.soft": "30%",
    "memory.host.hard": "96%",
    "memory.leak.live": "30%",
    "memory.leak.other": "30%",
    "degrade.steps": '["24khz"]',
    "batch.size": "30",
    "batch.rest_s": "30",
    "narration.segment_chars": "30",
    "narration.pause_sentence_s": "30",
    "narration.pause_paragraph_s": "30",
    "narration.pause_heading_s": "30",
    "queue.max_running": "30",
    "queue.max_waiting": "30",
    "alerts.command": "sh",
    "http.api_key": "another",
    "http.api_key_file": "/another",
    "http.hosts": '["tts.lan"]',
    "http.output_folders": '["/tmp"]',
    "http.models": '["kokoro"]',
    "http.voices": '{ "alloy" = "bob" }',
    "http.text_chars": "30",
    "http.body_bytes": "30KiB",
    "http.connections": "30",
    "http.encoders": "30",
    "wyoming.sample_rate": "16000",
    "wyoming.sentence_silence_s": "0.5",
    "wyoming.connections": "30",
    "wyoming.zeroconf": "Narrator",
    "piper.voices": '{ "en_US-lessac-medium" = "en-gb" }',
    "log.format": "json",
    "log.level": "debug",
}


def test_a_change_of_any_key_is_seen_and_of_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = loaded("engine.name=scripted")
    assert OTHER.keys() | {"engine.name"} == values_of(before).keys()
    for key, value in OTHER.items():
        changed = compare(before, loaded("engine.name=scripted", f"{key}={value}"))
        assert [change.key for change in changed.changes] == [key]


def test_nothing_changes_where_nothing_has_changed() -> None:
    reload = compare(loaded(), loaded())
    assert (reload.changes, reload.recycles, reload.in_words()) == ((), False, ["nothing has changed"])


def test_marks_take_effect_at_once_and_leave_the_child_alone() -> None:
    reload = compare(
        loaded(), loaded("memory.host.soft=1GiB", "memory.host.hard=2GiB", "queue.max_waiting=3")
    )
    assert [change.when for change in reload.changes] == ["now"] * 3
    assert not reload.recycles
    assert reload.in_words()[0] == 'memory.host.soft: "50%" -> "1GiB", at once'


def test_what_a_child_is_told_takes_effect_with_the_next_one() -> None:
    reload = compare(loaded(), loaded("engine.espeak.pitch=60", "child.attempts=2", "memory.record=/tmp/x"))
    assert reload.recycles
    assert reload.in_words() == [
        "child.attempts: 3 -> 2, at once",
        f"engine.espeak.pitch: 50 -> 60, {IN_WORDS['next child']}",
        f'memory.record: "" -> "/tmp/x", {IN_WORDS["restart"]}',
    ]


def test_another_engine_is_one_change() -> None:
    reload = compare(loaded(), loaded("engine.name=scripted", "engine.scripted.load_s=3"))
    assert [str(change).split(",")[0] for change in reload.changes] == ['engine.name: "espeak" -> "scripted"']


def test_a_key_that_another_packages_engine_had_and_has_no_more_is_a_change() -> None:
    python = f"child.python={sys.executable}"
    before = loaded(python, "engine.name=parrot", "engine.parrot.wings=2")
    (change,) = compare(before, loaded(python, "engine.name=parrot")).changes
    assert str(change).startswith("engine.parrot.wings: 2 -> not set")


def test_devices_are_compared_by_what_they_are() -> None:
    before = loaded("child.device=cpu")
    two = replace(before, child=replace(before.child, devices=("cpu", "cpu")))
    (change,) = compare(before, two).changes
    assert (change.key, change.before, change.after) == ("child.device", '["cpu"]', '["cpu", "cpu"]')


def test_a_secret_that_changes_is_told_and_not_shown() -> None:
    (change,) = compare(loaded("http.api_key=before"), loaded("http.api_key=after")).changes
    assert str(change) == f"http.api_key: another one, {IN_WORDS['restart']}"


def test_others_are_told_all_but_what_is_secret() -> None:
    config = loaded("http.api_key=a-key-of-44-letters")
    told = told_values(config)
    assert values_of(config).keys() - told.keys() == {"http.api_key"}
    assert "a-key-of-44-letters" not in str(told)
