"""What is taken of a recording: once for each, by its content, and only the latest few."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from child.engine import BadInput, Utterance
from child.glm_upstream_checkout import Checkout, Order, open_checkout
from child.glm_upstream_voices import MOST_VOICES, Voices, must_be_readable
from child.plain_voices import plain_recordings
from supervisor.wire.messages import Reference
from tests.engines.upstream import make_checkout, make_recording, process_left_as_it_was

TEXT = "What is said in the recording."


@pytest.fixture(scope="module")
def plain() -> dict[str, bytes]:
    return plain_recordings()


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    folder = make_checkout(tmp_path_factory.mktemp("upstream") / "GLM-TTS")
    with process_left_as_it_was():
        yield open_checkout(Order(path=str(folder), sample_rate_hz=24_000, device="cpu"))


@pytest.fixture
def voices(checkout: Checkout, plain: dict[str, bytes]) -> Voices:
    return Voices(checkout, 24_000, plain)


def utterance(*, voice: str | None = None, reference: Reference | None = None) -> Utterance:
    return Utterance(text="x", voice=voice, reference=reference, seed=0, settings={})


def recorded(path: Path, text: str = TEXT) -> Utterance:
    return utterance(reference=Reference(path=str(path), text=text))


def ids_in(row: torch.Tensor) -> list[int]:
    return [int(each) for each in row[0]]


def test_features_are_those_that_upstream_takes_in_its_own_form(voices: Voices, tmp_path: Path) -> None:
    path = make_recording(tmp_path / "voice.wav", seconds=2.0)
    features = voices.of(recorded(path))
    assert features.text == TEXT.lower()
    assert bytes(ids_in(features.text_tokens)).decode() == features.text + " "
    assert len(features.speech_tokens) == 50
    assert (features.flow_prompt_tokens.dtype, features.flow_prompt_tokens.shape) == (torch.int32, (1, 50))
    assert ids_in(features.flow_prompt_tokens) == features.speech_tokens
    assert (features.mel.shape[0], features.mel.shape[2]) == (1, 80)
    assert features.embedding.shape == (1, 192)
    cache = features.fresh_cache()
    assert cache.for_upstream(use_cache=True) == {
        "cache_text": [features.text],
        "cache_text_token": [features.text_tokens],
        "cache_speech_token": [features.speech_tokens],
        "use_cache": True,
    }
    # Grown by a segment, it is no other's.
    prompt = cache.speech_tokens[0]
    assert isinstance(prompt, list)
    prompt.clear()
    cache.speech_tokens.append([1])
    cache.texts.append("x")
    assert features.fresh_cache().speech_tokens == [features.speech_tokens]
    assert len(features.speech_tokens) == 50


def test_a_recording_is_heard_once_and_again_when_it_is_another(voices: Voices, tmp_path: Path) -> None:
    path = make_recording(tmp_path / "voice.wav")
    first = voices.of(recorded(path))
    assert voices.of(recorded(path)) is first
    (tmp_path / "copy.wav").write_bytes(path.read_bytes())
    assert voices.of(recorded(tmp_path / "copy.wav")) is first
    assert voices.of(recorded(path, "Other words.")) is not first
    make_recording(path, tone_hz=300.0)
    assert voices.of(recorded(path)).speech_tokens != first.speech_tokens


def test_only_the_latest_are_kept_and_they_are_what_is_declared(voices: Voices, tmp_path: Path) -> None:
    path = make_recording(tmp_path / "voice.wav", seconds=1.0)
    first = voices.of(recorded(path, "0"))
    for number in range(MOST_VOICES - 1):
        voices.of(recorded(path, str(number + 1)))
    assert voices.of(recorded(path, "0")) is first
    voices.of(recorded(path, "one more"))
    assert voices.of(recorded(path, "0")) is first  # it was used since
    kept = list(voices.tensors())
    assert len(kept) == 4 * MOST_VOICES
    assert any(tensor is first.mel for tensor in kept)


def test_a_plain_voice_is_heard_where_no_recording_is_named(voices: Voices) -> None:
    unnamed, chinese, english = (
        voices.of(utterance(voice=name)).speech_tokens for name in (None, "plain-zh", "plain-en")
    )
    assert unnamed == chinese != english
    assert all(len(ids) > 50 for ids in (chinese, english))  # two seconds and more


def test_a_recording_wins_over_the_name_that_it_goes_by(voices: Voices, tmp_path: Path) -> None:
    reference = Reference(path=str(make_recording(tmp_path / "bob.wav")), text=TEXT)
    assert voices.of(utterance(voice="bob", reference=reference)) is voices.of(utterance(reference=reference))


def test_a_recording_that_is_not_there_or_holds_nothing_is_told(voices: Voices, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.wav cannot be read"):
        must_be_readable(Reference(path=str(tmp_path / "none.wav"), text=TEXT))
    with pytest.raises(BadInput, match=r"none\.wav cannot be read"):
        voices.of(recorded(tmp_path / "none.wav"))
    with pytest.raises(BadInput, match="hears nothing"):
        voices.of(recorded(make_recording(tmp_path / "short.wav", seconds=0.01)))
