"""The store: found by what it was made of, and by nothing else; damage and races leave whole voices."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tree import ROOT
from tests.tts_core.voice.test_voice import same, some_voice
from tts_core.voice.store import VoiceStore
from tts_core.voice.voice import REVISION

VOICE = some_voice()
ASKED = (VOICE.recording_sha256, VOICE.text, VOICE.checkpoint_id)


@pytest.fixture
def store(tmp_path: Path) -> VoiceStore:
    return VoiceStore(tmp_path / "voices")


def test_an_empty_store_has_nothing_and_makes_no_folder(store: VoiceStore) -> None:
    assert store.find(*ASKED) is None
    assert not store.folder.exists()


def test_what_is_kept_is_found(store: VoiceStore) -> None:
    path = store.keep(VOICE)
    assert path.parent == store.folder
    found = store.find(*ASKED)
    assert found
    assert same(found, VOICE)


@pytest.mark.parametrize("at", [0, 2])
def test_another_recording_or_checkpoint_is_another_voice(store: VoiceStore, at: int) -> None:
    store.keep(VOICE)
    asked = [*ASKED]
    asked[at] = "ef" * 32
    assert store.find(*asked) is None


def test_another_text_of_the_same_recording_needs_nothing_new(store: VoiceStore) -> None:
    store.keep(VOICE)
    found = store.find(VOICE.recording_sha256, "Corrected.", VOICE.checkpoint_id)
    assert found
    assert same(found, replace(VOICE, text="Corrected."))
    assert len(list(store.folder.iterdir())) == 1  # to find is not to write


def test_other_features_are_another_voice(store: VoiceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.keep(VOICE)
    monkeypatch.setattr("tts_core.voice.store.REVISION", REVISION + 1)
    assert store.find(*ASKED) is None


@pytest.mark.parametrize("content", [b"", b"rubbish" * 99])
def test_a_damaged_file_is_as_if_there_were_none_and_is_written_over(
    store: VoiceStore, content: bytes
) -> None:
    path = store.keep(VOICE)
    path.write_bytes(content)
    assert store.find(*ASKED) is None
    assert store.keep(VOICE) == path
    assert store.find(*ASKED)


def test_a_damaged_file_does_not_hide_a_whole_one(store: VoiceStore) -> None:
    store.keep(replace(VOICE, text="Other.")).write_bytes(b"rubbish")
    store.keep(VOICE)
    found = store.find(VOICE.recording_sha256, "Other.", VOICE.checkpoint_id)
    assert found
    assert found.text == "Other."


def test_a_file_under_another_name_is_not_believed(store: VoiceStore) -> None:
    other = store.keep(replace(VOICE, recording_sha256="ef" * 32))
    other.rename(store.keep(VOICE))
    assert store.find(*ASKED) is None


def test_what_a_killed_writer_left_is_no_voice(store: VoiceStore) -> None:
    path = store.keep(VOICE)
    path.rename(path.with_name(f".{path.name}.0123456789abcdef.part"))
    assert store.find(*ASKED) is None


WRITER = """
import sys
from pathlib import Path
from tests.tts_core.voice.test_voice import some_voice
from tts_core.voice.store import VoiceStore
store = VoiceStore(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(30):
    store.keep(some_voice())
"""


@pytest.mark.processes
def test_two_processes_may_keep_one_voice_at_once(store: VoiceStore) -> None:
    command = [sys.executable, "-c", WRITER, str(store.folder)]
    writers = [
        subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    for writer in writers:
        assert writer.stdout
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin
        writer.stdin.write("go\n")
        writer.stdin.flush()
    seen = 0
    while any(writer.poll() is None for writer in writers) or not seen:
        found = store.find(*ASKED)
        seen += found is not None
        assert found is None or same(found, VOICE)
        assert found or not seen  # once there, always there
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    assert len(list(store.folder.iterdir())) == 1
