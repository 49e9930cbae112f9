import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from supervisor.cli.parser import parse
from supervisor.cli.request import configuration, inputs, job_request, output, state_folder, voice
from supervisor.errors import InputError, Unwritable, UsageError
from supervisor.narration.plan import VoiceSpec


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_a_suffix_means_a_file_and_a_slash_or_a_folder_that_exists_means_a_folder(tmp_path: Path) -> None:
    (tmp_path / "odd.wav").mkdir()
    assert output("a.wav", None) == (f"{tmp_path}/a.wav", "wav")
    assert output("A.FLAC", "flac") == (f"{tmp_path}/A.FLAC", "flac")
    assert output("new/", None) == (f"{tmp_path}/new/", "wav")
    assert output("new//", "flac") == (f"{tmp_path}/new/", "flac")
    assert output(".", None) == (f"{tmp_path}/", "wav")
    assert output("odd.wav", None) == (f"{tmp_path}/odd.wav/", "wav")


@pytest.mark.parametrize("text", ["a", "a.mp3", "-", ".wav", "a.wav.part"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"\.wav or \.flac"):
        output(text, None)


def test_probing_an_output_leaves_nothing_behind(tmp_path: Path) -> None:
    output("deep/er/a.wav", None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["/proc/x.wav", "/proc/new/", "/proc/new/x.flac"])
def test_a_folder_that_takes_no_files_is_refused_even_to_root(text: str) -> None:
    with pytest.raises(Unwritable, match="cannot write in /proc"):
        output(text, None)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(Unwritable, match="permission"):
        output("locked/a.wav", None)


def test_inputs_are_absolute_and_keep_the_name_they_were_given(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    (found,) = inputs(["a.txt"])
    assert (found.path, found.name, found.text) == (f"{tmp_path}/a.txt", "a.txt", None)
    with pytest.raises(InputError, match="directory"):
        inputs([str(tmp_path)])


def test_what_is_no_file_is_read_here_and_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    readable, writable = os.pipe()
    os.write(writable, b"Hello.")
    os.close(writable)
    with ThreadPoolExecutor() as threads:
        written = threads.submit((tmp_path / "pipe.md").write_bytes, b"# One")
        found = inputs(["pipe.md", f"/dev/fd/{readable}"])
        assert written.result(timeout=10) == len(b"# One")
    os.close(readable)
    assert [(each.path, each.text) for each in found] == [
        (f"{tmp_path}/pipe.md", "# One"),
        (f"/dev/fd/{readable}", "Hello."),
    ]


def test_a_descriptor_of_ours_is_read_here_be_it_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Hello.")
    with (tmp_path / "a.txt").open() as file:
        (found,) = inputs([f"/dev/fd/{file.fileno()}"])
    assert found.text == "Hello."


def test_what_comes_through_a_pipe_must_be_utf8() -> None:
    readable, writable = os.pipe()
    os.write(writable, b"caf\xe9")
    os.close(writable)
    with pytest.raises(
        InputError, match=rf"^/dev/fd/{readable}: not UTF-8: byte 0xe9 at offset 3 \(line 1\)"
    ):
        inputs([f"/dev/fd/{readable}"])
    os.close(readable)


def test_options_win_over_set(tmp_path: Path) -> None:
    args = parse(["--set", "engine.name=espeak", "narrate", "a", "-o", "b", "--engine", "scripted", "--cpu"])
    config = configuration(args, speaks=True)
    assert (config.engine.name, config.child.device) == ("scripted", "cpu")
    assert configuration(parse(["-v", "voices"])).log.level == "debug"
    assert state_folder(args).path == tmp_path / "state" / "tts-supervisor"


def voice_of(*words: str) -> VoiceSpec:
    args = parse(["say", "Hello.", "-o", "a.wav", *words])
    return voice(args, configuration(parse(["--set", "engine.name=tone-cloner", "voices"])))


def test_a_recording_comes_with_its_words_and_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "ada.wav").write_bytes(b"RIFF")
    os.mkfifo(tmp_path / "pipe.wav")
    found = voice_of("--reference", "ada.wav", "--reference-text", "Hm 1.")
    assert found == VoiceSpec(reference_path=f"{tmp_path}/ada.wav", reference_text="Hm 1.")
    with pytest.raises(InputError, match=r"^pipe\.wav: is no regular file"):
        voice_of("--reference", "pipe.wav", "--reference-text", "x")
    for nothing in ("。。", "!!!"):
        with pytest.raises(UsageError, match=r"--reference-text .* has no letter and no digit"):
            voice_of("--reference", "ada.wav", "--reference-text", nothing)


def test_a_job_has_one_voice_be_it_a_name_or_a_recording(tmp_path: Path) -> None:
    (tmp_path / "ada.wav").write_bytes(b"RIFF")
    with pytest.raises(UsageError, match="--voice ada and --reference both say who speaks"):
        voice_of("--voice", "ada", "--reference", "ada.wav", "--reference-text", "Hm.")


def test_the_request_says_what_the_words_say(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    words = [
        "narrate",
        "a.txt",
        "-o",
        "out/",
        "--voice",
        "en-gb",
        "--seed",
        "7",
        "--sample-rate",
        "16000",
        "--fresh",
    ]
    args = parse(words)
    request = job_request(args, configuration(args, speaks=True), "flac")
    assert (request.output, request.format, request.seed) == (f"{tmp_path}/out/", "flac", 7)
    assert (request.sample_rate_hz, request.fresh, request.keep) == (16000, True, True)
    assert voice(args, configuration(args)).name == "en-gb"
