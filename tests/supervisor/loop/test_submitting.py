"""What a client asks for, as a job, or refused by name."""

import os
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervisor.errors import InputError, SupervisorError, Unwritable, UsageError
from supervisor.loop.requests import InputSpec
from supervisor.loop.seeing import as_seen
from supervisor.loop.speaking import GivenInput, Submission
from supervisor.loop.submitting import job_wanted
from supervisor.narration.plan import MAX_SEED, VoiceSpec


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text("Hello.")
    (tmp_path / "b.md").write_text("# Two")
    return tmp_path


PLAIN = Submission(output="out.wav", inputs=["a.txt"])


def but(**changed: str | float | list[str] | None) -> Submission:
    return msgspec.convert({**msgspec.structs.asdict(PLAIN), **changed}, Submission)


def test_names_count_from_the_services_folder_and_stay_as_they_were_given(folder: Path) -> None:
    wanted = job_wanted(but(inputs=["a.txt", f"{folder}/b.md"], seed=7, sample_rate=16000, key="k"), folder)
    assert wanted.inputs == [
        InputSpec(path=f"{folder}/a.txt", name="a.txt"),
        InputSpec(path=f"{folder}/b.md", name=f"{folder}/b.md"),
    ]
    assert (wanted.output, wanted.folder) == (f"{folder}/out.wav", str(folder))
    assert (wanted.seed, wanted.sample_rate_hz, wanted.key) == (7, 16000, "k")
    assert (wanted.fresh, wanted.again, wanted.keep) == (False, False, True)


def test_a_text_is_a_chapter_of_its_own_and_kept_to_the_letter(folder: Path) -> None:
    text = "\ufeffEinmal  mit\r\n\r\nallem. "
    wanted = job_wanted(but(inputs=None, text=text), folder)
    assert wanted.inputs == [InputSpec(path=None, name="text", text=text)]


@pytest.mark.parametrize(
    ("output", "asked", "format_"),
    [
        ("o.wav", "wav", "wav"),
        ("o.flac", "wav", "flac"),  # a file's name says it
        ("o.WAV", "flac", "wav"),
        ("o/", "flac", "flac"),
        (".", "wav", "wav"),
    ],
)
def test_a_files_name_says_its_format_and_a_folder_has_the_one_that_is_asked_for(
    folder: Path, output: str, asked: Literal["wav", "flac"], format_: str
) -> None:
    assert job_wanted(but(output=output, format=asked), folder).format == format_


def test_a_voice_is_a_name_be_it_of_the_engine_or_kept(folder: Path) -> None:
    assert job_wanted(PLAIN, folder).voice == VoiceSpec()
    assert job_wanted(but(voice="ada"), folder).voice == VoiceSpec(name="ada")


REFUSED: list[tuple[Submission, type[SupervisorError], str]] = [
    (but(inputs=None), UsageError, "inputs, text: need one of the two, got neither"),
    (but(text="x"), UsageError, "inputs, text: need one of the two, got both"),
    (but(inputs=[]), UsageError, "inputs: is empty; name the files"),
    (but(inputs=[""]), UsageError, "inputs: is empty"),
    (but(inputs=["no.txt"]), InputError, r"^no\.txt: cannot be read \(No such file or directory\); check"),
    (but(inputs=["a.txt/b.txt"]), InputError, r"^a\.txt/b\.txt: cannot be read"),
    (but(inputs=["x" * 5000]), InputError, "cannot be read"),
    (but(inputs=["a\0.txt"]), UsageError, "holds a NUL"),
    (but(inputs=["."]), InputError, r"^\.: is a folder; name the files in it"),
    (
        but(inputs=["pipe.txt"]),
        InputError,
        r"pipe\.txt: is no file on a disk; name one, or give what it holds",
    ),
    (but(inputs=["/dev/stdin"]), InputError, "/dev/stdin: is no file on a disk"),
    (but(inputs=["book.pdf"]), InputError, r"book\.pdf: of an unknown kind; known are \.txt, "),
    (but(inputs=None, text=" \r\n\t"), InputError, "text: is empty: nothing to speak"),
    (but(output=" "), UsageError, "output: is empty"),
    (but(output="o.mp3"), UsageError, r"^output o\.mp3: need a file that ends in \.wav or \.flac"),
    (but(output="o\0.wav"), UsageError, r"^output 'o\\x00\.wav': holds a NUL"),
    (but(output="/proc/o.wav"), Unwritable, "^output /proc/o.wav: cannot write in /proc"),
    (but(output="a.txt/o.wav"), Unwritable, "is no folder; choose another output"),
    (but(voice=""), UsageError, "voice: is empty"),
    (but(voice="./ada.wav"), UsageError, r"voice \./ada\.wav: is a file; .*voices add"),
    (but(seed=-1), UsageError, f"seed: need a whole number from 0 to {MAX_SEED}, got -1"),
    (but(sample_rate=7999), UsageError, "sample_rate: need a rate from 8000 to 192000 Hz, got 7999"),
    (but(sample_rate=192_001), UsageError, "got 192001"),
    (but(key=""), UsageError, "key: is empty"),
    (but(key="k" * 1001), UsageError, "key: need at most 1000 characters, got 1001"),
]


@pytest.mark.parametrize(("submission", "kind", "said"), REFUSED)
def test_what_cannot_be_is_refused_by_its_name_with_the_mend(
    folder: Path, submission: Submission, kind: type[SupervisorError], said: str
) -> None:
    os.mkfifo(folder / "pipe.txt")
    for name in ("book.pdf", "ada.wav"):
        (folder / name).touch()
    before = sorted(folder.iterdir())
    with pytest.raises(kind, match=said):
        job_wanted(submission, folder)
    assert sorted(folder.iterdir()) == before


def test_half_a_character_is_refused_wherever_it_stands(folder: Path) -> None:
    half = "a\ud800b"
    for given_ in (
        Submission(output="o.wav", text=half),
        Submission(output=f"{half}.wav", text="x"),
        Submission(output="o.wav", inputs=[half]),
        Submission(output="o.wav", text="x", voice=half),
        Submission(output="o.wav", text="x", key=half),
    ):
        with pytest.raises(SupervisorError, match="UTF-8"):
            job_wanted(given_, folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_file_without_permission_is_refused(folder: Path) -> None:
    (folder / "a.txt").chmod(0)
    with pytest.raises(InputError, match=r"a\.txt: cannot be read \(Permission denied\)"):
        job_wanted(PLAIN, folder)


NAMES = st.text(st.characters(codec=None), max_size=20)
SUBMISSIONS = st.builds(
    Submission,
    output=NAMES | NAMES.map(lambda name: f"{name}.wav"),
    inputs=st.none() | st.lists(NAMES | st.just("a.txt"), max_size=3),
    text=st.none() | NAMES,
    voice=st.none() | NAMES,
    seed=st.integers(-1, MAX_SEED + 1),
    sample_rate=st.none() | st.integers(0, 200_000),
    key=st.none() | NAMES,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(submission=SUBMISSIONS)
def test_whatever_is_asked_is_a_job_that_can_be_kept_or_an_error_of_ours(
    folder: Path, submission: Submission
) -> None:
    try:
        wanted = job_wanted(submission, folder)
    except SupervisorError as error:
        said = str(error)
        assert said
    else:
        assert wanted.output.startswith("/")
        msgspec.json.encode(wanted)


# ------------------------------------------------------------------ from another folder


def elsewhere(folder: Path) -> Path:
    (folder / "service").mkdir()
    return folder / "service"


def test_names_count_from_the_folder_that_the_client_named(folder: Path) -> None:
    asked = Submission(output="out.wav", inputs=["a.txt"], folder=str(folder), fresh=True)
    wanted = job_wanted(asked, elsewhere(folder))
    assert wanted.inputs == [InputSpec(path=f"{folder}/a.txt", name="a.txt")]
    assert (wanted.output, wanted.folder, wanted.fresh) == (f"{folder}/out.wav", str(folder), True)


def test_texts_come_with_their_names_or_in_a_file_that_may_go_at_once(folder: Path) -> None:
    (folder / "given.txt").write_text("\ufeffAus  der Röhre.\r\n", "utf-8", newline="")
    asked = Submission(
        output="out.wav",
        inputs=[
            GivenInput(name="stdin", text="Hm."),
            GivenInput(name="/dev/fd/7", text_file=f"{folder}/given.txt", path="/dev/fd/7"),
        ],
    )
    wanted = job_wanted(asked, folder)
    (folder / "given.txt").unlink()
    assert wanted.inputs == [
        InputSpec(path=None, name="stdin", text="Hm."),
        InputSpec(path="/dev/fd/7", name="/dev/fd/7", text="\ufeffAus  der Röhre.\r\n"),
    ]


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (GivenInput(name=" ", text="Hm."), "inputs: is empty"),
        (GivenInput(name="a", text="\ud800"), "half a character"),
        (GivenInput(name="a", text_file="/no/such/file"), "cannot be read"),
    ],
)
def test_a_text_that_cannot_be_taken_is_named(folder: Path, one: GivenInput, said: str) -> None:
    with pytest.raises(SupervisorError, match=said):
        job_wanted(Submission(output="out.wav", inputs=[one]), folder)
    (folder / "latin").write_bytes(b"\xe4")
    latin = Submission(output="out.wav", inputs=[GivenInput(name="a", text_file=f"{folder}/latin")])
    with pytest.raises(InputError, match=r"latin: is not UTF-8.* give the text of a as UTF-8"):
        job_wanted(latin, folder)


def test_a_recording_speaks_with_what_is_said_in_it(folder: Path) -> None:
    (folder / "ada.wav").write_bytes(b"RIFF")
    ada = f"{folder}/ada.wav"
    asked = Submission(output="out.wav", text="Hm.", reference=ada, reference_text="She says.")
    assert job_wanted(asked, folder).voice == VoiceSpec(reference_path=ada, reference_text="She says.")
    for changed, said in (
        ({"reference_text": None}, "come together"),
        ({"reference": None}, "come together"),
        ({"reference_text": "…"}, "no letter"),
        ({"voice": "bob"}, "leave one of the two out"),
        ({"reference": "/no/such.wav"}, "cannot be read"),
    ):
        with pytest.raises(SupervisorError, match=said):
            job_wanted(msgspec.structs.replace(asked, **changed), folder)


def test_what_the_service_sees_otherwise_is_refused_before_all_else(folder: Path) -> None:
    seen = as_seen([f"{folder}/a.txt", str(folder)])
    asked = Submission(output="out.wav", inputs=["a.txt"], seen=seen)
    assert job_wanted(asked, folder).inputs
    with pytest.raises(InputError, match=r"a\.txt: the service sees another file there"):
        job_wanted(msgspec.structs.replace(asked, seen={f"{folder}/a.txt": "0:1"}), folder)
