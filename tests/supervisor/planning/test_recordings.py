"""From a path or a name to a content: where it is looked for, what is kept, what stands in for it."""

import hashlib
from pathlib import Path

import pytest

from supervisor.edge.recordings import RecordingStore
from supervisor.edge.voices import VoiceShelf
from supervisor.errors import InputError, UsageError
from supervisor.narration.jsonl import LineError
from supervisor.narration.plan import Recording, VoiceSpec
from supervisor.planning.recordings import Passed, Read, Stored, places, settled

#: Where no recording is.
HERE = Path("/nowhere")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def recorded(path: Path, content: str = "somebody") -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    return hashlib.sha256(content.encode()).hexdigest()


def planned(recording: Recording, text: str = "Hello.") -> VoiceSpec:
    """A voice as the ledger has it once it is planned."""
    return VoiceSpec(
        reference_path=recording.path,
        reference_text=text,
        reference_sha256=recording.sha256,
        origin=recording.origin,
    )


def add(state: Path, name: str, recording: Path, *, text: str = "Hello.") -> None:
    shelf = VoiceShelf(state)
    with shelf.adding(name, str(recording), text) as voice:
        shelf.put(voice, replace=True)


# ------------------------------------------------------------------ paths


def test_a_path_is_looked_for_beside_the_document_then_where_the_command_runs(
    state: Path, tmp_path: Path
) -> None:
    beside, here = tmp_path / "beside", tmp_path / "here"
    for path in (beside / "both.wav", here / "both.wav", here / "here.wav"):
        recorded(path, str(path))
    read = Read(state, here=here)
    assert places(beside, "x.wav", here) == (str(beside / "x.wav"), str(here / "x.wav"))
    assert read.find(beside, "both.wav").origin == str(beside / "both.wav")
    assert read.find(beside, "here.wav").origin == str(here / "here.wav")
    assert read.find(beside, str(here / "both.wav")).origin == str(here / "both.wav")
    with pytest.raises(LineError, match=r"beside/none\.wav cannot be read"):
        read.find(beside, "none.wav")


def test_what_is_found_is_kept_by_its_content(state: Path, tmp_path: Path) -> None:
    sha256 = recorded(tmp_path / "a.wav")
    found = Read(state, here=HERE).find(tmp_path, "a.wav")
    assert found == Recording(origin=f"{tmp_path}/a.wav", path=f"recordings/{sha256}.wav", sha256=sha256)
    assert RecordingStore(state).has(sha256)


def test_a_dry_run_reads_and_writes_nothing(state: Path, tmp_path: Path) -> None:
    sha256 = recorded(tmp_path / "a.wav")
    read = Read(state, keeps=False, here=HERE)
    assert read.find(tmp_path, "a.wav").sha256 == sha256
    with pytest.raises(LineError, match="cannot be read"):
        read.find(tmp_path, "none.wav")
    assert not state.exists()


def test_a_recording_is_read_once_so_that_all_lines_of_a_plan_agree(state: Path, tmp_path: Path) -> None:
    read = Read(state, here=HERE)
    with pytest.raises(LineError):
        read.find(tmp_path, "late.wav")
    sha256 = recorded(tmp_path / "a.wav")
    assert read.find(tmp_path, "a.wav").sha256 == sha256
    recorded(tmp_path / "a.wav", "somebody else")
    recorded(tmp_path / "late.wav")
    assert read.find(tmp_path, "a.wav").sha256 == sha256
    with pytest.raises(LineError):
        read.find(tmp_path, "late.wav")


def test_an_earlier_copy_stands_in_for_a_file_that_is_gone_and_not_for_one_that_changed(
    state: Path, tmp_path: Path
) -> None:
    sha256 = recorded(tmp_path / "a.wav")
    earlier = [planned(Read(state, here=HERE).find(tmp_path, "a.wav"))]
    changed = recorded(tmp_path / "a.wav", "somebody else")
    assert Read(state, earlier, here=HERE).find(tmp_path, "a.wav").sha256 == changed
    (tmp_path / "a.wav").unlink()
    read = Read(state, earlier, here=HERE)
    for _ in range(2):
        assert read.find(tmp_path, "a.wav").sha256 == sha256
    (notice,) = read.notices
    assert "No such file" in notice
    assert "the copy that this job has" in notice
    (state / "recordings" / f"{sha256}.wav").write_text("damaged")
    with pytest.raises(LineError, match="No such file"):
        Read(state, earlier, here=HERE).find(tmp_path, "a.wav")


def test_again_means_as_it_was_found(state: Path, tmp_path: Path) -> None:
    sha256 = recorded(tmp_path / "a.wav")
    earlier = [planned(Read(state, here=HERE).find(tmp_path, "a.wav"))]
    recorded(tmp_path / "a.wav", "somebody else")
    read = Read(state, earlier, again=True, here=HERE)
    assert (read.find(tmp_path, "a.wav").sha256, read.notices) == (sha256, [])


def test_again_means_where_it_was_found_although_it_would_be_found_elsewhere_now(
    state: Path, tmp_path: Path
) -> None:
    here, beside = tmp_path / "here", tmp_path / "beside"
    sha256 = recorded(here / "a.wav")
    earlier = [planned(Read(state, here=here).find(beside, "a.wav"))]
    other = recorded(beside / "a.wav", "somebody else")
    assert Read(state, earlier, here=here).find(beside, "a.wav").sha256 == other
    assert Read(state, earlier, here=here, again=True).find(beside, "a.wav").sha256 == sha256


# ------------------------------------------------------------------ names


def test_a_cloned_voice_is_its_recording_and_its_text_and_other_names_are_the_engines(
    state: Path, tmp_path: Path
) -> None:
    sha256 = recorded(tmp_path / "a.wav")
    add(state, "ada", tmp_path / "a.wav")
    read = Read(state, here=HERE)
    expected = VoiceSpec(
        reference_path=f"recordings/{sha256}.wav",
        reference_text="Hello.",
        reference_sha256=sha256,
        origin="ada",
    )
    assert read.voice("ada") == read.voice("ada") == expected
    assert read.voice("reed") is None
    assert RecordingStore(state).has(sha256)


def test_a_voice_that_is_removed_is_spoken_by_jobs_that_have_it_alone(state: Path, tmp_path: Path) -> None:
    recorded(tmp_path / "a.wav")
    add(state, "ada", tmp_path / "a.wav")
    ada = Read(state, here=HERE).voice("ada")
    assert ada is not None
    VoiceShelf(state).remove("ada")
    assert Read(state, here=HERE).voice("ada") is None
    read = Read(state, [ada], here=HERE)
    assert read.voice("ada") == read.voice("ada") == ada
    assert read.notices == ["the voice ada is gone; it speaks from the copy that this job has"]


def test_a_voice_that_is_replaced_is_another_unless_it_is_to_be_as_it_was(
    state: Path, tmp_path: Path
) -> None:
    recorded(tmp_path / "a.wav")
    add(state, "ada", tmp_path / "a.wav")
    before = Read(state, here=HERE).voice("ada")
    assert before is not None
    add(state, "ada", tmp_path / "a.wav", text="Good bye.")
    after = Read(state, [before], here=HERE).voice("ada")
    assert after is not None
    assert (after.reference_sha256, after.reference_text) == (before.reference_sha256, "Good bye.")
    assert Read(state, [before], again=True, here=HERE).voice("ada") == before


def test_a_voice_whose_recording_is_damaged_says_how_to_mend_it(state: Path, tmp_path: Path) -> None:
    sha256 = recorded(tmp_path / "a.wav")
    add(state, "ada", tmp_path / "a.wav")
    lies = state / "voices" / "ada" / f"{sha256}.wav"
    lies.write_text("other")
    with pytest.raises(LineError, match=r"'ada': its recording is not what was added; add it again"):
        Read(state, here=HERE).voice("ada")
    lies.unlink()
    with pytest.raises(LineError, match=r"'ada': the recording .* cannot be read .*; add it again"):
        Read(state, here=HERE).voice("ada")


def test_a_path_is_no_name(state: Path, tmp_path: Path) -> None:
    recorded(tmp_path / "a.wav")
    earlier = [planned(Read(state, here=HERE).find(tmp_path, "a.wav"))]
    path = f"{tmp_path}/a.wav"
    assert Read(state, earlier, again=True, here=HERE).voice(path) is None
    assert Stored(earlier, HERE).voice(path) is None


# ------------------------------------------------------------------ the others


def test_an_engine_that_clones_nothing_has_nothing_looked_for(tmp_path: Path) -> None:
    found = Passed().find(tmp_path, "none.wav")
    assert (found.origin, found.sha256) == (f"{tmp_path}/none.wav", None)
    Passed().voice("ada")


def test_what_a_plan_found_is_found_again_and_nothing_else(state: Path, tmp_path: Path) -> None:
    recorded(tmp_path / "a.wav")
    recorded(tmp_path / "b.wav")
    add(state, "ada", tmp_path / "b.wav")
    read = Read(state, here=HERE)
    ada, line = read.voice("ada"), read.find(tmp_path, "a.wav")
    assert ada is not None
    (tmp_path / "a.wav").unlink()
    stored = Stored([VoiceSpec(name="reed"), ada, planned(line)], HERE)
    assert (stored.find(tmp_path, "a.wav"), stored.voice("ada"), stored.voice("reed")) == (line, ada, None)
    with pytest.raises(LineError, match="was not found when the job was planned"):
        stored.find(tmp_path, "b.wav")


# ------------------------------------------------------------------ a job's own


def test_a_jobs_voice_is_settled_by_what_it_says(state: Path, tmp_path: Path) -> None:
    sha256 = recorded(tmp_path / "a.wav")
    add(state, "ada", tmp_path / "a.wav")
    asked = VoiceSpec(name="own", reference_path=f"{tmp_path}/a.wav", reference_text="Hi.")
    moment = settled(asked, Read(state, here=HERE))
    assert (moment.name, moment.reference_text, moment.reference_sha256) == ("own", "Hi.", sha256)
    assert moment.called == f"{tmp_path}/a.wav"
    by_name = settled(VoiceSpec(name="ada"), Read(state, here=HERE))
    assert (by_name.name, by_name.reference_text, by_name.called) == (None, "Hello.", "ada")
    assert settled(VoiceSpec(name="own"), Read(state, here=HERE)) == VoiceSpec(name="own")
    assert settled(VoiceSpec(), Read(state, here=HERE)) == VoiceSpec()


def test_a_job_that_is_retried_speaks_as_it_did(state: Path, tmp_path: Path) -> None:
    recorded(tmp_path / "a.wav")
    add(state, "ada", tmp_path / "a.wav")
    moment = settled(
        VoiceSpec(reference_path=f"{tmp_path}/a.wav", reference_text="Hi."), Read(state, here=HERE)
    )
    by_name = settled(VoiceSpec(name="ada"), Read(state, here=HERE))
    (tmp_path / "a.wav").unlink()
    VoiceShelf(state).remove("ada")
    for voice in (moment, by_name):
        assert settled(voice, Read(state, [voice], again=True, here=HERE)) == voice


def test_a_jobs_voice_that_cannot_be_had_ends_it(state: Path, tmp_path: Path) -> None:
    recorded(tmp_path / "a.wav")
    add(state, "ada", tmp_path / "a.wav")
    with pytest.raises(InputError, match="cannot be read"):
        settled(VoiceSpec(reference_path="/none.wav", reference_text="Hi."), Read(state, here=HERE))
    both = VoiceSpec(name="ada", reference_path=f"{tmp_path}/a.wav", reference_text="Hi.")
    with pytest.raises(UsageError, match="'ada' has a recording of its own"):
        settled(both, Read(state, here=HERE))
