"""What goes over of a request; what a hand-over looks like is in tests/processes/test_handover.py."""

from pathlib import Path
from typing import cast

import msgspec
import pytest

from supervisor.cli import handover
from supervisor.cli.handover import given_inputs, submission
from supervisor.doors.params import submission_of
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import Unwritable
from supervisor.loop.requests import InputSpec, JobRequest
from supervisor.loop.seeing import as_seen
from supervisor.loop.submitting import job_wanted
from supervisor.narration.plan import VoiceSpec


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StateFolder:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "state" / "requests").mkdir(parents=True)
    (tmp_path / "a.md").write_text("# One\n\nThe first.", "utf-8")
    (tmp_path / "ada.wav").write_bytes(b"RIFF")
    return StateFolder(tmp_path / "state")


def request(folder: Path, **fields: object) -> JobRequest:
    plain = JobRequest(
        output=str(folder / "out.wav"),
        format="wav",
        sample_rate_hz=16000,
        voice=VoiceSpec(name="reed"),
        seed=7,
        inputs=[
            InputSpec(path=str(folder / "a.md"), name="a.md"),
            InputSpec(path=None, name="stdin", text="And this."),
            InputSpec(path="/dev/fd/63", name="/dev/fd/63", text="Piped."),
        ],
        fresh=True,
    )
    return msgspec.structs.replace(plain, **fields)


def goes_over(wanted: JobRequest, state: StateFolder, folder: Path) -> JobRequest:
    """What a service in another folder makes of what is said to it."""
    with given_inputs(wanted.inputs, state) as inputs:
        line = msgspec.json.encode(submission(wanted, inputs))
        return job_wanted(submission_of(line), folder / "state")


def test_the_service_wants_the_very_job(state: StateFolder, tmp_path: Path) -> None:
    wanted = request(tmp_path)
    assert goes_over(wanted, state, tmp_path) == msgspec.structs.replace(wanted, folder=str(tmp_path))
    folder = request(tmp_path, output=f"{tmp_path}/many/", format="flac", fresh=False)
    assert goes_over(folder, state, tmp_path) == msgspec.structs.replace(folder, folder=str(tmp_path))


def test_a_recording_goes_by_its_path(state: StateFolder, tmp_path: Path) -> None:
    voice = VoiceSpec(reference_path=str(tmp_path / "ada.wav"), reference_text="What she says.")
    wanted = request(tmp_path, voice=voice)
    assert goes_over(wanted, state, tmp_path).voice == voice
    assert str(tmp_path / "ada.wav") in cast("dict[str, str]", submission(wanted, [])["seen"])


def test_what_is_read_or_written_is_said_as_it_is_seen(tmp_path: Path, state: StateFolder) -> None:
    assert state.path.is_dir()
    paths = [str(tmp_path), str(tmp_path / "a.md")]
    assert submission(request(tmp_path), [])["seen"] == as_seen(paths)
    (tmp_path / "many").mkdir()
    folder = request(tmp_path, output=f"{tmp_path}/many/", inputs=[])
    assert submission(folder, [])["seen"] == as_seen([str(tmp_path / "many")])


def test_texts_over_a_line_lie_in_files_of_ones_own_until_they_are_taken_in(
    state: StateFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "_LINE_CHARS", 10)
    wanted = request(tmp_path)
    assert goes_over(wanted, state, tmp_path).inputs == wanted.inputs
    with given_inputs(wanted.inputs, state) as inputs:
        files = [Path(str(cast("dict[str, object]", one)["text_file"])) for one in inputs[1:]]
        assert [path.read_text("utf-8") for path in files] == ["And this.", "Piped."]
        assert {path.parent for path in files} == {state.path / "requests"}
        assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert list((state.path / "requests").iterdir()) == []


def test_where_no_file_can_be_made_the_folder_is_named(
    state: StateFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "_LINE_CHARS", 10)
    (state.path / "requests").rmdir()
    with pytest.raises(Unwritable, match="requests"), given_inputs(request(tmp_path).inputs, state):
        pass
