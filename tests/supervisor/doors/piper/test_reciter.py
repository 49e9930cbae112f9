"""Lines in, files or samples out, with a service that is whole and small."""

import asyncio
import os
import wave
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from supervisor.doors.piper.reciter import Ends, Reciter
from supervisor.doors.piper.stdout import Stdout
from supervisor.doors.piper.terms import Mode, Terms
from supervisor.edge.pipes import read_some
from tests.supervisor.doors.memory_service import RATE_HZ, MemoryService, audio_of


@dataclass(slots=True)
class People:
    """Who is told."""

    failures: list[str] = field(default_factory=list[str])
    remarks: list[str] = field(default_factory=list[str])

    def failed(self, text: str) -> None:
        self.failures.append(text)

    def remark(self, text: str) -> None:
        self.remarks.append(text)


class Given:
    """Lines that are there."""

    def __init__(self, text: str) -> None:
        self._lines = iter(text.encode().splitlines())

    async def next(self) -> bytes | None:
        return next(self._lines, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What came of it."""

    is_well: bool
    out: bytes
    failures: list[str]
    remarks: list[str]

    @property
    def paths(self) -> list[Path]:
        return [Path(line) for line in self.out.decode().splitlines()]


def recite(  # noqa: PLR0913 - what a command line may say, each by its name
    folder: Path,
    text: str,
    *,
    mode: Mode = "folder",
    json: bool = True,
    path: Path | None = None,
    model: str | None = None,
    speaker: str | None = None,
    voices: Mapping[str, str] | None = None,
    silence_s: float | None = None,
) -> Came:
    terms = Terms(
        json=json,
        mode=mode,
        path=path or folder,
        by_text=False,
        model=model,
        speaker=speaker,
        voices=voices or {},
        sentence_silence_s=silence_s,
        folder=folder,
    )
    people = People()

    async def work() -> bool:
        service = MemoryService(folder=folder)
        service.may_go.set()
        fd = os.open(folder / "stdout", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        stdout = Stdout(fd, folder)
        try:
            return await Reciter(terms, Given(text), stdout, service, people).run()
        finally:
            stdout.close()
            os.close(fd)

    is_well = asyncio.run(work())
    out = (folder / "stdout").read_bytes()
    return Came(is_well=is_well, out=out, failures=people.failures, remarks=people.remarks)


def samples(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        assert file.getframerate() == RATE_HZ
        return file.readframes(file.getnframes())


def test_each_object_is_a_file_and_its_path_is_told_in_order(tmp_path: Path) -> None:
    came = recite(tmp_path, '{"text": "One."}\n\n{"text": "Two. And three."}\n')
    assert came.is_well
    assert [samples(path) for path in came.paths] == [audio_of("One."), audio_of("Two. And three.")]
    assert came.paths == sorted(came.paths)


def test_a_bad_line_costs_itself_alone(tmp_path: Path) -> None:
    bad = [
        "no json",
        '{"text": "enormous"}',
        '{"text": "Hi", "output_file": "/proc/none/a.wav"}',
        '{"text": "-"}',
    ]
    lines = ['{"text": "One."}', *bad, '{"text": "Two."}']
    came = recite(tmp_path, "\n".join(lines), silence_s=0.0)
    assert not came.is_well
    assert [samples(path) for path in came.paths] == [audio_of("One."), audio_of("Two.")]
    assert [failure.partition(":")[0] for failure in came.failures] == [
        "line 2",
        "line 3",
        "line 4",
        "line 5",
    ]


@pytest.mark.parametrize("mode", ["file", "folder"])
def test_an_objects_own_file_counts_and_is_told_as_it_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    monkeypatch.chdir(tmp_path)
    came = recite(
        tmp_path, '{"text": "One.", "output_file": "sub/./a.wav"}', mode=mode, path=tmp_path / "b.wav"
    )
    assert came.out == b"sub/a.wav\n"
    assert samples(tmp_path / "sub" / "a.wav") == audio_of("One.")


def test_all_lines_of_text_are_one_file_joined_by_spaces(tmp_path: Path) -> None:
    came = recite(tmp_path, "One two\n\nthree.\n", json=False, mode="file", path=tmp_path / "a.wav")
    assert came.paths == [tmp_path / "a.wav"]
    assert samples(tmp_path / "a.wav") == audio_of("One two three.")


def test_objects_with_one_file_replace_it_and_that_is_said_once(tmp_path: Path) -> None:
    text = '{"text": "One."}\n{"text": "Two."}\n{"text": "Three."}'
    came = recite(tmp_path, text, mode="file", path=tmp_path / "a.wav")
    assert came.paths == [tmp_path / "a.wav"] * 3
    assert samples(tmp_path / "a.wav") == audio_of("Three.")
    assert len(came.remarks) == 1


@pytest.mark.parametrize("json_input", [False, True])
def test_raw_is_samples_and_nothing_else(tmp_path: Path, json_input: bool) -> None:
    text = '{"text": "One."}\n{"text": "Two."}' if json_input else "One.\nTwo."
    came = recite(tmp_path, text, json=json_input, mode="raw")
    assert came.out == audio_of("One.") + audio_of("Two.")


def test_a_file_beside_raw_samples_is_told_to_people(tmp_path: Path) -> None:
    text = f'{{"text": "One.", "output_file": "{tmp_path}/a.wav"}}\n{{"text": "Two."}}'
    came = recite(tmp_path, text, mode="raw")
    assert came.out == audio_of("Two.")
    assert came.remarks == [f"{tmp_path}/a.wav"]


def test_a_wav_on_standard_output_is_one_of_all_lines(tmp_path: Path) -> None:
    recite(tmp_path, "One.\nTwo.", json=False, mode="wav")
    assert samples(tmp_path / "stdout") == audio_of("One. Two.")


def test_silence_is_between_sentences_and_not_behind_the_last(tmp_path: Path) -> None:
    came = recite(tmp_path, "One. Two. Three.", json=False, mode="raw", silence_s=0.30001)
    silence = bytes(2 * round(0.30001 * RATE_HZ))
    assert came.out == silence.join(audio_of(text) for text in ("One.", "Two.", "Three."))


def test_nothing_to_speak_is_told(tmp_path: Path) -> None:
    came = recite(tmp_path, "\n \n", json=False, mode="file", path=tmp_path / "a.wav")
    assert (came.is_well, came.failures, came.out) == (False, ["nothing to speak"], b"")
    assert not (tmp_path / "a.wav").exists()


@pytest.mark.parametrize(
    ("model", "speaker", "voices"),
    [
        ("ada", None, {}),
        ("/v/ada.onnx", None, {}),
        ("en_US-x-low", None, {"en_US-x-low": "bob"}),
        (None, "ada", {}),
    ],
)
def test_a_voice_that_is_there_is_no_remark(
    tmp_path: Path, model: str | None, speaker: str | None, voices: Mapping[str, str]
) -> None:
    came = recite(tmp_path, '{"text": "One."}', model=model, speaker=speaker, voices=voices)
    assert (came.is_well, came.remarks) == (True, [])


def test_a_voice_that_stands_in_for_another_is_said_once(tmp_path: Path) -> None:
    text = '{"text": "One.", "speaker": "carol"}\n{"text": "Two.", "speaker": "carol"}'
    came = recite(tmp_path, text, model="ada")
    assert (came.is_well, len(came.paths)) == (True, 2)
    (remark,) = came.remarks
    assert "'carol'" in remark
    assert "'ada'" in remark


def test_a_voice_that_nothing_stands_in_for_is_an_error(tmp_path: Path) -> None:
    came = recite(tmp_path, '{"text": "One."}', model="nobody")
    assert (came.is_well, came.out) == (False, b"")
    assert "'nobody'" in came.failures[0]


def raw(folder: Path) -> Terms:
    return Terms(
        json=False,
        mode="raw",
        path=folder,
        by_text=False,
        model=None,
        speaker=None,
        voices={},
        sentence_silence_s=None,
        folder=folder,
    )


def test_a_service_that_ends_leaves_the_rest(tmp_path: Path) -> None:
    async def test() -> None:
        service = MemoryService(folder=tmp_path)
        service.may_go.set()
        await service.shutdown()
        fd = os.open(os.devnull, os.O_WRONLY)
        stdout = Stdout(fd, tmp_path)
        with pytest.raises(Ends):
            await Reciter(raw(tmp_path), Given("One.\nTwo."), stdout, service, People()).run()
        stdout.close()
        os.close(fd)

    asyncio.run(test())


def test_no_more_is_spoken_than_minutes_ahead_of_who_listens(tmp_path: Path) -> None:
    line = "x" * 4000  # 9.6 MB of samples
    ours, theirs = os.pipe2(os.O_NONBLOCK)

    async def test() -> int:
        service = MemoryService(folder=tmp_path)
        service.may_go.set()
        stdout = Stdout(theirs, tmp_path)
        speaking = asyncio.ensure_future(
            Reciter(raw(tmp_path), Given(f"{line}\n{line}\n{line}"), stdout, service, People()).run()
        )
        await asyncio.wait([speaking], timeout=0.3)
        asked = service.asked.count("synthesize")
        heard = 0
        while not speaking.done():
            heard += len(read_some(ours).data)
            await asyncio.sleep(0)
        assert heard + len(read_some(ours).data) == 3 * len(audio_of(line))
        stdout.close()
        return asked

    assert asyncio.run(test()) == 1
    os.close(ours)
    os.close(theirs)
