import hashlib

from hypothesis import given
from hypothesis import strategies as st

from supervisor.narration.plan import MAX_SEED, VoiceSpec, chained, segment_key, segment_seed
from supervisor.wire.messages import Setting


@given(st.integers(0, MAX_SEED), st.text(), st.integers(0, 10**6))
def test_a_seed_fits_into_63_bits_and_is_the_same_every_time(seed: int, text: str, occurrence: int) -> None:
    made = segment_seed(seed, text.encode("utf-8", "replace").decode(), occurrence)
    assert 0 <= made <= MAX_SEED
    assert made == segment_seed(seed, text.encode("utf-8", "replace").decode(), occurrence)


def test_a_seed_is_what_the_contract_between_parts_says() -> None:
    digest = hashlib.sha256("7\0你好\0002".encode()).digest()
    assert segment_seed(7, "你好", 2) == int.from_bytes(digest[:8], "big") % 2**63


def key(
    identity: str = "e",
    voice: VoiceSpec | None = None,
    seed: int = 1,
    settings: dict[str, Setting] | None = None,
    text: str = "t",
) -> str:
    return segment_key(
        engine_identity=identity, voice=voice or VoiceSpec(), seed=seed, settings=settings or {}, text=text
    )


def test_everything_that_decides_bytes_decides_the_key() -> None:
    keys = [
        key(),
        key(identity="f"),
        key(voice=VoiceSpec(name="v")),
        key(voice=VoiceSpec(reference_path="v")),
        key(voice=VoiceSpec(reference_text="v")),
        key(voice=VoiceSpec(reference_sha256="w")),
        key(seed=2),
        key(settings={"a": 1}),
        key(settings={"a": True}),
        key(text="u"),
    ]
    assert len(set(keys)) == len(keys)
    assert all(len(each) == 32 and int(each, 16) >= 0 for each in keys)


def test_a_recording_decides_by_its_content_alone() -> None:
    one = VoiceSpec(
        reference_path="recordings/a.wav", reference_text="t", reference_sha256="ab", origin="ada"
    )
    two = VoiceSpec(reference_path="/x.wav", reference_text="t", reference_sha256="ab", origin="/x.wav")
    assert key(voice=one) == key(voice=two)
    assert key(voice=one) != key(voice=VoiceSpec(reference_text="t", reference_sha256="cd", origin="ada"))


def test_a_voice_is_called_what_the_user_called_it() -> None:
    assert VoiceSpec(name="reed").called == "reed"
    assert VoiceSpec(reference_path="/x.wav").called == "/x.wav"
    assert VoiceSpec(reference_path="recordings/a.wav", origin="ada").called == "ada"
    assert VoiceSpec().called is None


def test_the_order_of_settings_decides_nothing() -> None:
    assert key(settings={"a": 1, "b": 2}) == key(settings={"b": 2, "a": 1})


@given(st.lists(st.text("ab", min_size=1), min_size=1, max_size=6), st.integers(1, 9))
def test_a_chained_key_is_of_all_before_it_and_of_nothing_after(keys: list[str], occurrence: int) -> None:
    made = list(chained(keys, occurrence))
    assert len(set(made)) == len(keys)
    assert list(chained([*keys, "more"], occurrence))[: len(keys)] == made
    assert not set(chained(keys, occurrence + 1)) & set(made)
    assert not set(chained(["other", *keys], occurrence)) & set(made)
