"""Piper's options, as its two programs spell them."""

import pytest

from supervisor.cli.parser import parse
from supervisor.errors import UsageError
from supervisor.wire.version import VERSION

SHORT = ["-m", "v", "-s", "3", "-f", "a.wav", "-d", "out", "-i", "t.txt", "-q"]
NAMES = ["--model", "--speaker", "--output-file", "--output-dir", "--input-file"]
LONG = [word for pair in zip(NAMES, ["v", "3", "a.wav", "out", "t.txt"], strict=True) for word in pair]


@pytest.mark.parametrize(
    "words", [SHORT, [*LONG, "--quiet"], [word.replace("t-", "t_") for word in (*LONG, "--quiet")]]
)
def test_each_spelling_means_the_same(words: list[str]) -> None:
    args = parse(["piper", *words])
    assert (args.model, args.speaker, args.output, args.output_dir) == ("v", "3", "a.wav", "out")
    assert (args.inputs, args.quiet) == (["t.txt"], True)


@pytest.mark.parametrize("mark", ["-", "_"])
def test_flags_and_numbers_are_spelled_with_a_dash_or_an_underscore(mark: str) -> None:
    words = ["--json-input", "--output-raw", "--length-scale=1.5", "--sentence-silence=0.25"]
    args = parse(["piper", *("--" + word[2:].replace("-", mark) for word in words)])
    assert (args.json_input, args.output_raw) == (True, True)
    assert (args.length_scale, args.sentence_silence) == (1.5, 0.25)


def test_what_is_not_said_is_as_without_piper() -> None:
    args = parse(["piper"])
    assert (args.model, args.speaker, args.output, args.output_dir, args.inputs) == (None,) * 5
    assert (args.length_scale, args.sentence_silence, args.words, args.ignored) == (1.0, None, [], [])


def test_a_text_may_stand_behind_the_options_also_with_a_dash_in_front() -> None:
    assert parse(["piper", "-m", "v", "Hello", "there"]).words == ["Hello", "there"]
    assert parse(["piper", "-m", "v", "--", "-5", "degrees"]).words == ["-5", "degrees"]


def test_what_means_nothing_here_is_taken_and_remembered() -> None:
    words = ["-c", "v.json", "--noise_scale", "0.3", "--noise-w", "0.8", "--phoneme_silence", ".", "0.2"]
    words += ["--cuda", "--use_cuda", "--data-dir", ".", "--espeak_data", "d", "--tashkeel_model", "t"]
    words += [
        "--volume",
        "0.5",
        "--no-normalize",
        "--download_dir",
        "d",
        "--update-voices",
        "--config",
        "c.json",
    ]
    args = parse(["piper", *words, "Hello"])
    assert args.words == ["Hello"]
    assert args.ignored == [word for word in words if word.startswith("-")]
    assert args.config is None, "Piper's is a model's, not ours"


def test_its_version_is_told_alone_as_pipers_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        parse(["piper", "--version"])
    assert capsys.readouterr().out == f"{VERSION}\n"


@pytest.mark.parametrize(
    "words",
    [
        *(["--length-scale", scale] for scale in ("0", "-1", "inf", "slow")),
        *(["--sentence-silence", seconds] for seconds in ("-1", "61", "nan")),
        *(["-m", ""], ["--unknown"], ["--output", "a.wav"]),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_unknown_is_spoken(words: list[str]) -> None:
    with pytest.raises(UsageError):
        parse(["piper", *words])
