"""Messages: closed, tagged, small enough for their frame."""

import msgspec
import pytest

from supervisor.wire.frames import MAX_BODY_BYTES, decode_from_child, decode_from_parent, encode
from supervisor.wire.messages import (
    MAX_CHUNK_BYTES,
    Chunk,
    FaultPlan,
    Hello,
    Message,
    Reference,
    Setting,
    Synthesize,
    Voice,
    Voices,
)

#: Of the wire between parent and child; those of the template are a wire of their own.
KINDS = [kind for kind in Message.__subclasses__() if kind.__module__ == Message.__module__]


def test_every_message_has_a_tag_of_its_own() -> None:
    tags = [kind.__struct_config__.tag for kind in KINDS]
    assert len(set(tags)) == len(tags) == 15
    assert None not in tags


@pytest.mark.parametrize("kind", KINDS)
def test_every_message_is_frozen_closed_and_documented(kind: type[Message]) -> None:
    config = kind.__struct_config__
    assert config.frozen
    assert config.forbid_unknown_fields
    assert kind.__doc__


def test_the_largest_chunk_fits_in_a_frame() -> None:
    chunk = Chunk(segment_id=2**31, attempt=2**31, seq=2**31, pcm_s16le=bytes(MAX_CHUNK_BYTES))
    assert len(encode(2**31, chunk)) < MAX_BODY_BYTES


def test_a_list_of_every_voice_fits_in_a_frame() -> None:
    voice = Voice(name="n" * 40, language="l" * 40, sample_rate_hz=24000, description="d" * 100)
    message = Voices(voices=[voice] * 1000)
    assert decode_from_child(encode(1, message)[4:]) == (1, message)


def test_settings_of_every_kind_survive_the_wire() -> None:
    table: dict[str, Setting] = {"a": "x", "b": 1, "c": 1.5, "d": True, "e": ["x", "y"], "f": {"k": "v"}}
    hello = Hello(
        protocol=1,
        life=1,
        engine="x",
        device="cpu",
        settings=table,
        faults=FaultPlan(leak_bytes=1, faults=["crash@5"], poison={"w": "oom"}),
    )
    number, back = decode_from_parent(encode(1, hello)[4:])
    assert (number, back) == (1, hello)
    assert isinstance(back, Hello)
    assert type(back.settings["b"]) is int
    assert type(back.settings["d"]) is bool


def test_a_seed_of_63_bits_and_a_reference_survive_the_wire() -> None:
    order = Synthesize(
        segment_id=1,
        attempt=1,
        text="你好",
        voice="v",
        reference=Reference(path="/tmp/x.wav", text="y"),
        seed=2**63 - 1,
    )
    assert decode_from_parent(encode(1, order)[4:]) == (1, order)


def test_a_field_that_nobody_knows_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"type": "voices", "voices": [], "more": 1}, Voices)
