import pytest

from supervisor.cli.parser import parse
from supervisor.errors import UsageError


def test_a_download_needs_no_more_than_a_name() -> None:
    args = parse(["models", "get", "glm-tts"])
    assert (args.command, args.doing, args.name) == ("models", "get", "glm-tts")
    assert (args.to, args.endpoint, args.revision, args.github, args.checkout) == (None,) * 5
    assert args.json is False


def test_where_a_download_comes_from_can_be_said() -> None:
    words = ["--to", "there", "--endpoint", "http://mirror", "--github", "http://raw", "--from", "checkout"]
    args = parse(["models", "get", "glm-tts", *words, "--revision", "v2", "--json"])
    assert [str(args.to), args.endpoint, args.github, str(args.checkout)] == [
        *("there", "http://mirror", "http://raw", "checkout")
    ]
    assert (args.revision, args.json) == ("v2", True)


def test_a_verification_takes_a_folder_a_device_and_a_recording() -> None:
    words = ["--checkpoint", "c", "--configs", "t", "--reference", "r.wav", "--reference-text", "words"]
    args = parse(["models", "verify", "glm-tts", *words, "--cpu", "--no-canary"])
    assert [str(args.checkpoint), str(args.configs), args.reference, args.reference_text] == [
        *("c", "t", "r.wav", "words")
    ]
    assert (args.cpu, args.canary) == (True, False)
    assert parse(["models", "verify", "glm-tts"]).canary is True


@pytest.mark.parametrize("words", [["models"], ["models", "get"], ["models", "fetch", "glm-tts"]])
def test_half_a_command_is_refused(words: list[str]) -> None:
    with pytest.raises(UsageError):
        parse(words)
