"""Recordings by their content: read once, copied whole, deleted when no job has them."""

import hashlib
import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from supervisor.edge.ledger import Ledger
from supervisor.edge.recordings import (
    MOST_RECORDING_BYTES,
    RecordingStore,
    UnreadableRecording,
    blocks_of,
    prune_recordings,
    recording_name,
    reference_of,
)
from supervisor.narration.plan import VoiceSpec
from supervisor.wire.messages import Reference
from tests.standin.jobs import plan_of, spec_for


def recorded(folder: Path, name: str, content: bytes = b"RIFF of somebody") -> str:
    path = folder / name
    path.write_bytes(content)
    return str(path)


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_recording_is_kept_by_its_content_whatever_it_is_called(tmp_path: Path) -> None:
    store = RecordingStore(tmp_path / "state")
    one, two = recorded(tmp_path, "a.wav"), recorded(tmp_path, "b.wav")
    sha256 = store.keep(one)
    assert sha256 == store.keep(two) == sha256_of(b"RIFF of somebody")
    copy = tmp_path / "state" / recording_name(sha256)
    assert copy.read_bytes() == b"RIFF of somebody"
    assert list(copy.parent.iterdir()) == [copy]


def test_a_copy_outlives_its_file_and_a_damaged_one_is_made_anew(tmp_path: Path) -> None:
    store = RecordingStore(tmp_path / "state")
    path = recorded(tmp_path, "a.wav")
    sha256 = store.keep(path)
    copy = tmp_path / "state" / recording_name(sha256)
    copy.write_bytes(b"RIFF of nobody")
    assert not store.has(sha256)
    assert store.keep(path) == sha256
    Path(path).unlink()
    assert store.has(sha256)


def test_what_is_no_recording_is_refused_by_name_and_leaves_nothing(tmp_path: Path) -> None:
    store = RecordingStore(tmp_path / "state")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "huge.wav").touch()
    os.truncate(tmp_path / "huge.wav", MOST_RECORDING_BYTES + 1)  # a hole: it takes no disk
    for path, said in (
        (str(tmp_path / "none.wav"), "cannot be read (No such file or directory)"),
        (str(tmp_path), "is a folder"),
        (str(tmp_path / "pipe"), "is no regular file"),
        ("/dev/null", "is no regular file"),
        (recorded(tmp_path, "empty.wav", b""), "is empty"),
        (str(tmp_path / "huge.wav"), f"the most is {MOST_RECORDING_BYTES}"),
    ):
        with pytest.raises(UnreadableRecording) as caught:
            store.keep(path)
        assert f"the recording {path} " in str(caught.value)
        assert said in str(caught.value)
    assert not (tmp_path / "state").exists()


def test_a_long_recording_comes_whole(tmp_path: Path) -> None:
    content = os.urandom(700_001)
    assert b"".join(blocks_of(recorded(tmp_path, "long.wav", content))) == content


def test_recordings_that_no_job_has_are_pruned_and_no_others(tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert prune_recordings(state) == 0
    store = RecordingStore(state)
    kept = {name: store.keep(recorded(tmp_path, name, name.encode())) for name in ("job", "line", "none")}
    (state / "recordings" / ".1.part").write_bytes(b"half")
    plan = plan_of(["One."], ["Two."])
    voice = VoiceSpec(reference_path="x", reference_text="t", reference_sha256=kept["line"], origin="/x")
    line = replace(plan.chapters[1], voice=voice)
    job = spec_for("/out/story.wav")
    with closing(Ledger.open(state)) as ledger:
        spec = msgspec.structs.replace(job, voice=VoiceSpec(reference_sha256=kept["job"]))
        ledger.save_plan(spec, replace(plan, chapters=(plan.chapters[0], line)))
        assert prune_recordings(state) == 2
        assert [store.has(kept[name]) for name in ("job", "line", "none")] == [True, True, False]
        ledger.remove(job.job)
    assert prune_recordings(state) == 2
    assert list((state / "recordings").iterdir()) == []


def test_a_child_is_told_where_the_copy_lies_wherever_the_state_folder_is(tmp_path: Path) -> None:
    planned = VoiceSpec(reference_path="recordings/ab.wav", reference_text="Hi.", reference_sha256="ab")
    assert reference_of(planned, tmp_path) == Reference(path=f"{tmp_path}/recordings/ab.wav", text="Hi.")
    named = msgspec.structs.replace(planned, origin="/voices/ada.wav")
    told = reference_of(named, tmp_path)
    assert told is not None
    assert (told.path, told.called) == (f"{tmp_path}/recordings/ab.wav", "/voices/ada.wav")
    assert reference_of(VoiceSpec(name="own"), tmp_path) is None
