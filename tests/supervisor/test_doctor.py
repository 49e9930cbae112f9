import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor import doctor
from supervisor.config import load_config
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import ChildFailed
from supervisor.wire.messages import Figures, Ready, Vitals
from tests.standin.driver import StandinDriver
from tests.tts_core.small_checkpoint import make_small_checkpoint, make_small_configs

CONFIG = load_config(environ={}, sets=["engine.name=scripted"])


def ready() -> Ready:
    figures = Figures(
        seconds=1.2,
        peak=0.5,
        clipped_share=0.0,
        longest_silence_s=0.1,
        tail_silence_s=0.0,
        level_jump_db=0.0,
    )
    return Ready(
        engine="scripted",
        engine_version="1",
        sample_rate_hz=24000,
        voice="sine",
        clones=False,
        uses_device=False,
        pace_s_per_char=0.06,
        canary=figures,
        vitals=Vitals(host_private_bytes=20 * 2**20),
        took_s=0.3,
    )


def no_voice() -> Ready:
    raise ChildFailed("there is no such voice")


def test_an_old_python_fails_with_its_mend() -> None:
    assert doctor.python_check((3, 11, 0)).ok
    old = doctor.python_check((3, 10, 12))
    assert (old.ok, old.needed) == (False, True)
    assert "3.11" in old.mend


def test_an_engine_that_does_not_speak_is_told_in_the_childs_words() -> None:
    spoke = doctor.engine_check(CONFIG, ready)
    assert spoke.ok
    assert "20 MiB" in spoke.detail
    mute = doctor.engine_check(CONFIG, no_voice)
    assert (mute.ok, mute.needed, mute.detail) == (False, True, "there is no such voice")
    assert mute.mend


def test_files_of_supervisord_among_ours_are_named(tmp_path: Path) -> None:
    assert doctor.clash_check(tmp_path).ok
    (tmp_path / "supervisord.py").touch()
    clash = doctor.clash_check(tmp_path)
    assert (clash.ok, clash.needed) == (False, True)
    assert "environment of its own" in clash.mend


def test_the_distribution_supervisor_beside_ours_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "supervisor-4.2.5.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: supervisor\nVersion: 4.2.5\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    clash = doctor.clash_check(Path(doctor.__file__).parent)
    assert not clash.ok
    assert "4.2.5" in clash.detail


def test_a_state_folder_that_is_not_there_yet_is_judged_by_its_parent(tmp_path: Path) -> None:
    check = doctor.state_check(StateFolder(tmp_path / "deep" / "er"))
    assert check.ok
    assert "free" in check.detail
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    check = doctor.state_check(StateFolder(tmp_path / "file" / "state"))
    assert (check.ok, check.detail) == (False, f"{tmp_path}/file is a file, not a folder")


def test_the_owner_of_the_state_folder_is_named(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "state")
    with state.lock():
        assert f"in use by process {os.getpid()}" in doctor.state_check(state).detail


@pytest.mark.processes
def test_an_interpreter_without_the_libraries_is_told(tmp_path: Path) -> None:
    assert doctor.workers_check(sys.executable).ok
    bare = tmp_path / "python"
    bare.write_text("#!/bin/sh\necho 'ModuleNotFoundError: no soxr' >&2\nexit 1\n")
    bare.chmod(0o755)
    check = doctor.workers_check(str(bare))
    assert (check.ok, check.detail) == (False, "ModuleNotFoundError: no soxr")
    assert not doctor.workers_check(str(tmp_path / "none")).ok


def test_a_device_that_is_not_used_is_not_asked() -> None:
    check = doctor.device_check("cpu")
    assert (check.ok, check.needed) == (True, False)


MISMATCHED = """
import json
from supervisor.doctor import device_check
check = device_check("auto")
print(json.dumps([check.ok, check.needed, check.detail, check.mend]))
"""


def test_a_driver_of_two_versions_is_told_with_its_mend(standin_driver: StandinDriver) -> None:
    standin_driver.set(init_error=18)
    # A process of its own: where a library is looked for is decided as one starts.
    env = {**os.environ, **standin_driver.env, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    said = subprocess.run([sys.executable, "-c", MISMATCHED], env=env, check=True, capture_output=True)
    ok, needed, detail, mend = json.loads(said.stdout)
    assert (ok, needed) == (False, False)
    assert "of different versions (upgraded?) (NVML error 18)" in detail
    assert mend.startswith("reboot or reload the module; ")


def test_rehearsed_faults_are_told_but_never_stop_narration() -> None:
    assert doctor.faults_check(CONFIG).ok
    rehearsal = load_config(environ={}, sets=["engine.faults.leak_bytes=1MiB"])
    check = doctor.faults_check(rehearsal)
    assert (check.ok, check.needed) == (False, False)
    assert "leak_bytes=1048576" in check.detail


def test_torch_is_asked_for_only_by_engines_that_may_want_it() -> None:
    assert "does without" in doctor.torch_check("espeak").detail
    assert "does without" not in doctor.torch_check("glm-upstream").detail
    assert not doctor.torch_check("parrot").needed


def test_every_check_says_what_it_saw_and_every_failure_its_mend(tmp_path: Path) -> None:
    checks = doctor.examine(CONFIG, StateFolder(tmp_path), ready)
    assert len({check.name for check in checks}) == len(checks)
    for check in checks:
        assert check.detail
        assert bool(check.mend) != check.ok


def of_glm(*sets: str) -> dict[str, doctor.Check]:
    config = load_config(environ={}, sets=["engine.name=glm", 'child.device="cpu"', *sets])
    return {check.name: check for check in doctor.glm_checks(config)}


def test_engines_other_than_glm_are_not_asked_for_its_parts() -> None:
    assert doctor.glm_checks(CONFIG) == []


def test_of_glm_packages_parts_tables_and_room_are_looked_at(tmp_path: Path) -> None:
    folder = make_small_checkpoint(tmp_path / "ckpt")
    tables = make_small_configs(tmp_path / "tables")
    keys = [f'engine.glm.checkpoint="{folder}"', f'engine.glm.configs="{tables}"']
    checks = of_glm(*keys)
    assert list(checks) == ["glm packages", "glm checkpoint", "glm tables", "glm memory"]
    assert all(check.ok and not check.mend for check in checks.values())
    assert "907 MiB wanted" in checks["glm memory"].detail
    assert "904 MiB wanted" in of_glm(*keys, "engine.glm.precision=bf16")["glm memory"].detail


def test_what_glm_lacks_is_told_with_its_mend(tmp_path: Path) -> None:
    (tmp_path / "llm").mkdir()
    checks = of_glm(f'engine.glm.checkpoint="{tmp_path}"')
    assert "llm/config.json: there is no such file" in checks["glm checkpoint"].detail
    assert checks["glm checkpoint"].needed
    assert "models get" in checks["glm checkpoint"].mend
    assert (checks["glm tables"].ok, checks["glm tables"].needed) == (False, False)
    wanted = of_glm(f'engine.glm.checkpoint="{tmp_path}"', "engine.glm.phonemes=true")
    assert wanted["glm tables"].needed


def test_a_lexicon_is_looked_at_although_phonemes_are_asked_for_by_lines_alone(tmp_path: Path) -> None:
    own = tmp_path / "own.jsonl"
    own.write_text('{"参差": 1}\n', "utf-8")
    keys = [f'engine.glm.checkpoint="{tmp_path}"', f'engine.glm.lexicon="{own}"']
    check = of_glm(*keys)["glm lexicon"]
    assert (check.ok, check.needed) == (False, True)
    assert check.detail.startswith(f"{own}:1: wanted")
    assert "engine.glm.lexicon" in check.mend
    own.write_text('{"参差": "<|C|>"}\n', "utf-8")
    assert of_glm(*keys)["glm lexicon"].ok
    own.unlink()
    assert "cannot be read" in of_glm(*keys)["glm lexicon"].detail


def test_a_checkpoint_that_is_nowhere_set_is_told() -> None:
    assert "engine.glm.checkpoint is not set" in of_glm()["glm checkpoint"].detail


def test_an_environment_that_does_not_answer_is_one_check(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    (check,) = of_glm(f'child.python="{python}"').values()
    assert (check.ok, check.needed) == (False, True)
    assert "tts-supervisor[glm]" in check.mend
