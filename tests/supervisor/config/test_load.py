import sys
from pathlib import Path

import pytest

from supervisor.config import Config, Given, Mistake, faults_in_words, load, load_config, mistakes_of, read
from supervisor.errors import ConfigError, SupervisorError
from supervisor.wire.messages import FaultPlan


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def loaded(*sets: str, file: Path | None = None, environ: dict[str, str] | None = None) -> Config:
    return load_config(file=file, sets=sets, environ=environ or {})


def test_the_shipped_defaults_are_those_of_the_contract() -> None:
    config = loaded()
    assert (config.engine.name, config.engine.faults) == ("espeak", None)
    assert (config.child.python, config.child.device) == (sys.executable, "auto")
    assert (config.child.start_timeout_s, config.child.term_grace_s, config.child.stall_s) == (300, 3, 30)
    assert (config.child.attempts, config.memory.poll_s, config.narration.segment_chars) == (3, 0.5, 200)
    marks = [(marks.soft.text, marks.hard.text) for marks in (config.memory.device, config.memory.host)]
    assert marks == [("85%", "95%"), ("50%", "70%")]
    assert (config.child.start, config.child.idle_unload_s, config.child.max_segments) == ("template", 0, 0)
    assert (config.memory.leak.live.text, config.memory.leak.other.text) == ("128MiB", "160MiB")
    assert (config.memory.record, config.memory.clean_after) == (None, "never")
    assert (config.batch.size, config.batch.rest_s) == (0, 0)
    assert (config.degrade.steps, config.alerts.command) == ((), ())
    assert loaded("engine.name=scripted").engine.settings == {
        "seconds_per_char": 0.06,
        "wall_per_char_s": 0.0,
        "load_s": 0.0,
        "load_bytes": "0MiB",
    }


def test_each_source_wins_over_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text("[child]\nattempts = 4\nstall_s = 4\nterm_grace_s = 4\nstart_timeout_s = 4\n")
    environ = {
        "TTS_SUPERVISOR_CHILD__STALL_S": "5",
        "TTS_SUPERVISOR_CHILD__TERM_GRACE_S": "5",
        "TTS_SUPERVISOR_CHILD__START_TIMEOUT_S": "5",
    }
    option = Given(key="child.start_timeout_s", value=7, origin="--somewhere")
    sets = ["child.term_grace_s=6", "child.start_timeout_s=6"]
    child = load_config(file=file, sets=sets, options=[option], environ=environ).child
    assert (child.attempts, child.stall_s, child.term_grace_s, child.start_timeout_s) == (4, 5, 6, 7)


def test_faults_are_there_only_when_one_is_set() -> None:
    assert loaded("engine.faults.plateau=0").engine.faults is None
    plan = loaded("engine.faults.leak_bytes=20MiB", 'engine.faults.faults=["oom@2"]').engine.faults
    assert plan is not None
    assert plan == FaultPlan(leak_bytes=20 * 2**20, faults=["oom@2"])
    assert faults_in_words(plan) == "leak_bytes=20971520 faults=oom@2"


def test_poison_is_named_by_its_kinds_never_by_its_words() -> None:
    assert faults_in_words(FaultPlan(poison={"secret": "crash"})) == "poison=crash"


def test_a_wrong_value_names_key_and_origin(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[child]\nattempts = 0\n")
    with pytest.raises(ConfigError, match=r"child\.attempts from config\.toml:2: need a whole number"):
        loaded()
    with pytest.raises(
        ConfigError, match=r"child\.attempts from the environment variable TTS_SUPERVISOR_CHILD__"
    ):
        loaded(environ={"TTS_SUPERVISOR_CHILD__ATTEMPTS": "many"})
    with pytest.raises(ConfigError, match=r"child\.attempts from --set child\.attempts=-1"):
        loaded("child.attempts=-1")


@pytest.mark.parametrize("table", ["memory.host", "memory.device"])
def test_soft_above_hard_is_impossible_and_equal_is_not(table: str) -> None:
    loaded(f"{table}.soft=60%", f"{table}.hard=60%")
    with pytest.raises(ConfigError, match=rf"{table}\.soft \(80%, .*\) is above {table}\.hard \(60%"):
        loaded(f"{table}.soft=80%", f"{table}.hard=60%")
    with pytest.raises(ConfigError, match="set both"):
        loaded(f"{table}.soft=3GiB", f"{table}.hard=2GiB")


def test_one_mark_of_the_host_alone_is_held_against_the_others_default() -> None:
    with pytest.raises(ConfigError, match=r"memory\.host\.soft \(50%, from the shipped defaults\)"):
        loaded("memory.host.hard=1MiB")


def test_a_table_of_another_packages_engine_belongs_to_that_engine_alone() -> None:
    # Where child.python is another interpreter the engine is looked for there, by the child.
    python = f"child.python={sys.executable}"
    config = loaded(python, "engine.name=parrot", "engine.parrot.wings=2", 'engine.parrot.colours=["red"]')
    assert config.engine.settings == {"wings": 2, "colours": ["red"]}
    with pytest.raises(ConfigError, match=r"engine\.parrot\.wings from --set .*unknown key"):
        loaded(python, "engine.parrot.wings=2")
    with pytest.raises(ConfigError, match=r"engine\.parrot\.born"):
        loaded(python, "engine.name=parrot", "engine.parrot.born=2020-01-01")


def test_an_engines_table_has_its_name_with_underscores_and_may_be_written_with_hyphens(
    tmp_path: Path,
) -> None:
    file = tmp_path / "other.toml"
    for written in ("glm-upstream", "glm_upstream"):
        file.write_text(f"[engine.{written}]\nsample_rate = 32000\n")
        settings = loaded("engine.name=glm-upstream", file=file).engine.settings
        assert settings == {
            "path": "",
            "sample_rate": 32000,
            "phonemes": False,
            "history": True,
            "sample_method": "ras",
        }
    environ = {"TTS_SUPERVISOR_ENGINE__GLM_UPSTREAM__PATH": "GLM-TTS"}
    config = loaded("engine.name=glm-upstream", environ=environ)
    # From the folder that it was named from: the child's is another.
    assert config.engine.settings["path"] == str(tmp_path / "GLM-TTS")
    # And so for the engines of other packages.
    python = f"child.python={sys.executable}"
    for table in ("night-owl", "night_owl"):
        owl = loaded(python, "engine.name=night-owl", f"engine.{table}.wings=2").engine
        assert (owl.name, owl.settings) == ("night-owl", {"wings": 2})
    with pytest.raises(ConfigError, match=r"engine\.night_owl\.wings from --set .*unknown key"):
        loaded(python, "engine.night-owl.wings=2")


def test_an_engine_that_nobody_brings_is_told_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="no engine 'parrot'; the engines here are espeak, scripted"):
        loaded("engine.name=parrot")


def test_glm_has_its_table_and_paths_of_it_are_made_whole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    engine = loaded("engine.name=glm", "engine.glm.checkpoint=ckpt", "engine.glm.kv_cache=false").engine
    assert engine.settings["checkpoint"] == str(tmp_path / "ckpt")
    assert (engine.settings["kv_cache"], engine.settings["history"]) == (False, True)
    assert loaded("engine.name=glm").engine.settings["kv_cache"] == "auto"
    for wrong in ("kv_cache=sometimes", "sample_rate=48000", "precision=fp16", "history=1", "threads=0"):
        with pytest.raises(ConfigError, match=rf"engine\.glm\.{wrong.split('=')[0]}"):
            loaded("engine.name=glm", f"engine.glm.{wrong}")


def test_the_childs_interpreter_is_found_by_path_or_name(tmp_path: Path) -> None:
    (tmp_path / "python").symlink_to(sys.executable)
    # The link itself: what it points to would find other packages.
    assert loaded("child.python=./python").child.python == str(tmp_path / "python")
    assert Path(loaded("child.python=sh").child.python).name == "sh"
    for wrong in ("./none", "no-such-program", str(tmp_path)):
        with pytest.raises(ConfigError, match=r"child\.python from"):
            loaded(f"child.python={wrong}")


def test_a_trace_goes_where_it_was_named_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert loaded("memory.record=~/night.jsonl").memory.record == tmp_path / "night.jsonl"
    assert loaded("memory.record=night.jsonl").memory.record == tmp_path / "night.jsonl"
    with pytest.raises(ConfigError, match=r"memory\.record from --set .* is a folder"):
        loaded(f"memory.record={tmp_path}")
    with pytest.raises(ConfigError, match=r"memory\.record from --set .*there is no folder .*; make it"):
        loaded("memory.record=none/night.jsonl")


def test_a_program_for_alerts_must_be_one_that_can_be_run(tmp_path: Path) -> None:
    (tmp_path / "tell").symlink_to(sys.executable)
    assert loaded("alerts.command=./tell me more").alerts.command == (str(tmp_path / "tell"), "me", "more")
    found = loaded('alerts.command=["sh", "-c", "cat >/dev/null"]').alerts.command
    assert (Path(found[0]).name, found[0][0], found[1:]) == ("sh", "/", ("-c", "cat >/dev/null"))
    for wrong in ("./none", "no-such-program --now", str(tmp_path)):
        with pytest.raises(ConfigError, match=r"alerts\.command from .* is no program that can be run"):
            loaded(f"alerts.command={wrong}")


def test_each_device_has_a_child_of_its_own() -> None:
    assert loaded('child.device=["cuda:1"]').child.devices == ("cuda:1",)
    assert loaded('child.device=["cuda:1"]').child.device == "cuda:1"
    assert loaded('child.device=["cpu", "cpu"]').child.devices == ("cpu", "cpu")


def test_the_queue_has_its_bounds() -> None:
    queue = loaded("queue.max_waiting=0").queue
    assert (queue.max_running, queue.max_waiting) == (1, 0)


def test_words_of_poison_add_up_over_the_sources_and_an_empty_table_clears_them(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[engine.faults.poison]\na = "crash"\nb = "exit"\n')
    sets = ["engine.faults.poison.b=oom", "engine.faults.poison.c=hang"]
    plan = loaded(*sets, environ={"TTS_SUPERVISOR_ENGINE__FAULTS__POISON__D": "nan"}).engine.faults
    assert plan is not None
    assert plan.poison == {"a": "crash", "b": "oom", "c": "hang", "d": "nan"}
    assert loaded("engine.faults.poison={}").engine.faults is None


def test_a_list_takes_the_place_of_a_list() -> None:
    environ = {"TTS_SUPERVISOR_ENGINE__FAULTS__FAULTS": '["crash@5", "oom@2"]'}
    plan = loaded(environ=environ).engine.faults
    assert plan is not None
    assert plan.faults == ["crash@5", "oom@2"]
    plan = loaded('engine.faults.faults=["exit@1"]', environ=environ).engine.faults
    assert plan is not None
    assert plan.faults == ["exit@1"]


def test_the_table_of_an_engine_that_is_installed_may_stay_when_another_speaks(tmp_path: Path) -> None:
    # tests/engines is on the path, with the metadata of a package that brings this one.
    (tmp_path / "config.toml").write_text("[engine.tone-cloner]\nloudness = 2\n")
    assert loaded().engine.name == "espeak"
    (tmp_path / "config.toml").write_text("[engine.tone-cloner]\nloudness = 2030-01-01\n")
    with pytest.raises(ConfigError, match=r"engine\.tone_cloner\.loudness from config.toml:2: need a string"):
        loaded()


def test_an_environment_variable_gives_a_table_of_another_packages_engine() -> None:
    environ = {"TTS_SUPERVISOR_ENGINE__TONE_CLONER__LOUDNESS": "2"}
    assert loaded("engine.name=tone-cloner", environ=environ).engine.settings == {"loudness": 2}


def test_several_mistakes_are_counted_and_the_first_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[child]\nattempts = 0\n\n[memory]\npole_s = 3\n")
    with pytest.raises(ConfigError) as caught:
        loaded("batch.size=-1")
    # What is no key comes before what has a wrong value.
    assert str(caught.value).startswith("memory.pole_s from config.toml:5: unknown key; did you mean")
    assert str(caught.value).endswith("(and 2 more: 'tts-supervisor config check' lists them all)")


def found(tmp_path: Path, text: str, *sets: str, environ: dict[str, str] | None = None) -> list[Mistake]:
    (tmp_path / "config.toml").write_text(text)
    return mistakes_of(read(sets=sets, environ=environ or {}))


def test_all_mistakes_are_found_wherever_they_stand(tmp_path: Path) -> None:
    text = """
[child]
attempts = 0
device = ["cpu", "gpu"]
python = "no-such-program"
hands = 2

[memory.host]
soft = "90%"
hard = "80%"

[alerts]
command = "./none"
"""
    mistakes = found(tmp_path, text, "batch.size=-1", environ={"TTS_SUPERVISOR_FOO": "1"})
    assert [(one.key, one.where) for one in mistakes] == [
        ("child.attempts", "config.toml:3"),
        ("child.device", "config.toml:4"),
        ("child.python", "config.toml:5"),
        ("child.hands", "config.toml:6"),
        ("memory.host.soft", "config.toml:9"),
        ("alerts.command", "config.toml:13"),
        ("", "the environment variable TTS_SUPERVISOR_FOO"),
        ("batch.size", "--set batch.size=-1"),
    ]
    assert [one.in_file for one in mistakes] == [True] * 6 + [False] * 2


def test_a_value_that_a_stronger_source_replaced_is_looked_at_by_check_alone(tmp_path: Path) -> None:
    text = "[child]\nattempts = 0\n"
    (tmp_path / "config.toml").write_text(text)
    assert loaded("child.attempts=5").child.attempts == 5
    assert [one.where for one in found(tmp_path, text, "child.attempts=5")] == ["config.toml:2"]


def test_a_wrong_value_is_not_judged_with_others(tmp_path: Path) -> None:
    text = "[memory.host]\nsoft = 90\nhard = '10%'\n"
    assert [(one.key, one.line) for one in found(tmp_path, text)] == [("memory.host.soft", 2)]


def test_nothing_wrong_is_no_mistake(tmp_path: Path) -> None:
    assert found(tmp_path, "[child]\nattempts = 5\n") == []


def test_what_was_loaded_tells_where_each_value_comes_from(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[child]\n\nattempts = 5\n")
    all_of_it = load(read(sets=["batch.size=7"], environ={"TTS_SUPERVISOR_CHILD__STALL_S": "9"}))
    where = {key: all_of_it.given[key].where for key in ("child.attempts", "batch.size", "child.stall_s")}
    assert where == {
        "child.attempts": "config.toml:3",
        "batch.size": "--set batch.size=7",
        "child.stall_s": "the environment variable TTS_SUPERVISOR_CHILD__STALL_S",
    }
    assert all_of_it.given["log.level"].where == "the shipped defaults"
    assert (all_of_it.defaults["child.attempts"], all_of_it.file) == (3, Path("config.toml"))


def test_steps_of_degrading_keep_their_order() -> None:
    steps = loaded('degrade.steps=["24khz", "smaller_segments"]').degrade.steps
    assert steps == ("24khz", "smaller_segments")


def test_marks_of_a_leak_may_be_shares() -> None:
    leak = loaded("memory.leak.live=2%", "memory.leak.other=1GiB").memory.leak
    assert (leak.live.of(100 * 2**20), leak.other.of(0)) == (2 * 2**20, 2**30)


def test_what_a_child_finds_wrong_is_told_with_the_place_where_somebody_set_it(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[engine.espeak]\nvoice_latin = "zz"\n', "utf-8")
    found = load(read(file=file, environ={}))
    said = found.placed(ConfigError("engine.espeak.voice_latin: eSpeak has no voice 'zz'"))
    assert str(said) == f"engine.espeak.voice_latin from {file}:2: eSpeak has no voice 'zz'"
    for error in (
        ConfigError("engine.espeak.voice_han: none has set this"),
        ConfigError("nothing of a key"),
        SupervisorError("engine.espeak.voice_latin: no mistake of the configuration"),
    ):
        assert found.placed(error) is error
