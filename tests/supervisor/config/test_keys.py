import pytest

from child import espeak, scripted
from child.espeak_voices import DEFAULT_VOICES
from child.fault_specs import Fault
from supervisor.config.checks import FAULT_KINDS, setting
from supervisor.config.keys import ESPEAK_SCRIPTS, KEYS

GOOD: list[tuple[str, object, object]] = [
    ("http.api_key", "k-3y.~", "k-3y.~"),
    ("http.api_key_file", "/tmp/../tmp/key", "/tmp/key"),
    ("http.hosts", ["TTS.lan", "box"], ["tts.lan", "box"]),
    ("http.output_folders", ["/tmp/../tmp/a"], ["/tmp/a"]),
    ("http.voices", {"alloy": ""}, {"alloy": ""}),
    ("child.attempts", 1, 1),
    ("child.attempts", 1000, 1000),
    ("child.stall_s", 1, 1.0),
    ("child.term_grace_s", 0, 0.0),
    ("child.device", "cuda:12", ["cuda:12"]),
    ("child.device", ["cuda:0", "cuda:1"], ["cuda:0", "cuda:1"]),
    ("child.device", ["cpu", "cpu"], ["cpu", "cpu"]),
    ("engine.glm_upstream.path", "/models/../GLM-TTS", "/GLM-TTS"),
    ("engine.glm_upstream.path", "", ""),
    ("engine.glm_upstream.sample_rate", 32000, 32000),
    ("engine.glm_upstream.history", False, False),
    ("engine.glm_upstream.sample_method", "topk", "topk"),
    ("engine.faults.faults", ["crash@1", "step@20"], ["crash@1", "step@20"]),
    ("engine.faults.poison", {"xyzzy": "hang"}, {"xyzzy": "hang"}),
    ("memory.host.soft", "100%", "100%"),
    ("log.format", "json", "json"),
    ("memory.poll_s", 0.01, 0.01),
    ("child.start", "cold", "cold"),
    ("child.idle_unload_s", 0, 0.0),
    ("child.idle_unload_s", 86400, 86400.0),
    ("child.max_segments", 0, 0),
    ("memory.leak.live", "512MiB", "512MiB"),
    ("memory.leak.other", "2%", "2%"),
    ("memory.clean_after", "segment", "segment"),
    ("memory.clean_after", "job", "job"),
    ("degrade.steps", [], []),
    ("degrade.steps", ["24khz", "smaller_segments"], ["24khz", "smaller_segments"]),
    ("batch.size", 0, 0),
    ("batch.rest_s", 5, 5.0),
    ("alerts.command", "", []),
    ("alerts.command", [], []),
    ("alerts.command", "notify-send 'from the ferry' --", ["notify-send", "from the ferry", "--"]),
    ("alerts.command", ["mail it", "two words", ""], ["mail it", "two words", ""]),
]

BAD: list[tuple[str, object, str]] = [
    ("engine.glm_upstream.path", 3, "need a string"),
    ("engine.glm_upstream.sample_rate", 16000, "need 24000 or 32000, got 16000"),
    ("engine.glm_upstream.sample_rate", True, "need 24000 or 32000"),
    ("engine.glm_upstream.phonemes", "yes", "need true or false, got a string"),
    ("engine.glm_upstream.sample_method", "greedy", "need one of 'ras', 'topk'"),
    ("child.attempts", 0, "from 1 to 1000"),
    ("child.attempts", True, "true or false"),
    ("child.attempts", 2.0, "a number"),
    ("child.attempts", "3", "a string"),
    ("child.stall_s", 0, "over 0"),
    ("child.stall_s", float("nan"), "nan"),
    ("child.stall_s", float("inf"), "inf"),
    ("child.term_grace_s", -0.1, "at least 0"),
    ("child.device", "cuda", "cuda:N"),
    ("child.device", ["cpu", "gpu"], "or a list of them, got 'gpu'"),
    ("child.device", ["cpu", 1], "a string"),
    ("child.device", [], "at least one device"),
    ("child.device", ["cpu", "cuda:0"], "of one kind"),
    ("queue.max_running", 0, "from 1"),
    ("queue.max_waiting", -1, "from 0"),
    ("memory.host.soft", "0MiB", "more than nothing"),
    ("memory.host.soft", "0%", "more than nothing"),
    ("memory.host.soft", 512, "a whole number"),
    ("memory.poll_s", 0, "at least 0.01"),
    ("memory.poll_s", 1e-9, "at least 0.01"),
    ("engine.name", " ", "a name"),
    ("engine.faults.leak_bytes", "10%", "share"),
    ("engine.faults.faults", "crash@5", "a list"),
    ("engine.faults.faults", ["crash@0"], "KIND@N"),
    ("engine.faults.faults", ["explode@5"], "KIND@N"),
    ("engine.faults.poison", {"": "crash"}, "a word"),
    ("engine.faults.poison", {"x": "explode"}, "explode"),
    ("engine.faults.poison", ["x"], "a table"),
    ("log.level", "loud", "one of"),
    ("narration.segment_chars", 0, "from 1"),
    ("child.start", "warm", "'template', 'cold'"),
    ("child.idle_unload_s", -1, "at least 0"),
    ("child.max_segments", -1, "from 0"),
    ("memory.leak.live", "0MiB", "more than nothing"),
    ("memory.leak.other", 256, "a whole number"),
    ("memory.record", 3, "a whole number"),
    ("memory.clean_after", "sentence", "one of"),
    ("degrade.steps", "24khz", "need a list of 'smaller_segments', '24khz'"),
    ("degrade.steps", ["16khz"], "'16khz'"),
    ("degrade.steps", [24000], "a string"),
    ("degrade.steps", ["24khz", "24khz"], "'24khz' twice"),
    ("batch.size", -1, "from 0"),
    ("batch.rest_s", 3601, "at most 3600"),
    ("http.api_key", 12345, "put it in quotes"),
    ("http.api_key", "two words", "without spaces"),
    ("http.api_key", "clé", "ASCII"),
    ("http.hosts", "tts.lan", "a list"),
    ("http.hosts", ["http://tts.lan"], "without scheme or port"),
    ("http.hosts", ["tts.lan:80"], "without scheme or port"),
    ("http.output_folders", ["  "], "a name"),
    ("http.models", [7], "a string"),
    ("http.voices", ["alloy"], "a table"),
    ("http.voices", {"alloy": 7}, "a string"),
    ("http.text_chars", 20_001, "from 1 to 20000"),
    ("http.body_bytes", "50%", "share"),
    ("http.connections", 0, "from 1"),
    ("alerts.command", 1, "a string or a list"),
    ("alerts.command", ["", "x"], "a program first"),
    ("alerts.command", ["sh", 1], "a string"),
    ("alerts.command", "sh -c 'open", "quotation"),
]


@pytest.mark.parametrize(("key", "value", "kept"), GOOD)
def test_a_good_value_is_kept(key: str, value: object, kept: object) -> None:
    assert KEYS[key](value) == kept


@pytest.mark.parametrize(("key", "value", "says"), BAD)
def test_a_bad_value_is_refused_with_what_was_needed(key: str, value: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        KEYS[key](value)


def test_a_date_is_no_setting_of_an_engine() -> None:
    assert setting({"a": "b"}) == {"a": "b"}
    for value in (float("inf"), {"a": 1}, [1], None):
        with pytest.raises(ValueError, match="need"):
            setting(value)


def test_the_engines_know_the_same_keys() -> None:
    def keys(engine: str) -> set[str]:
        return {key.rpartition(".")[2] for key in KEYS if key.startswith(f"engine.{engine}.")}

    assert tuple(DEFAULT_VOICES) == ESPEAK_SCRIPTS
    assert keys("espeak") == set(espeak._KEYS)  # pyright: ignore[reportPrivateUsage] - the child's list is its own affair
    assert keys("scripted") == set(scripted._KEYS)  # pyright: ignore[reportPrivateUsage] - likewise


def test_the_kinds_of_faults_are_those_that_the_child_rehearses() -> None:
    assert set(FAULT_KINDS) == {fault.value for fault in Fault}
