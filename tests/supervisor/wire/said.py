"""One message of every kind, and the words that lead to each state of the dialogue."""

import msgspec
from hypothesis import strategies as st

from supervisor.wire.dialogue import State
from supervisor.wire.messages import (
    PROTOCOL_VERSION,
    Broken,
    Chunk,
    Done,
    Exit,
    Failed,
    Figures,
    Greeting,
    Hello,
    ListVoices,
    Loading,
    Message,
    Progress,
    Ready,
    Release,
    Released,
    Synthesize,
    Vitals,
    Voice,
    Voices,
)

FIGURES = Figures(
    seconds=1.0, peak=0.5, clipped_share=0.0, longest_silence_s=0.1, tail_silence_s=0.0, level_jump_db=1.0
)
VITALS = Vitals(host_private_bytes=1)
CHUNK = Chunk(segment_id=7, attempt=3, seq=0, pcm_s16le=bytes(48000))
DONE = Done(
    segment_id=7,
    attempt=3,
    chunks=1,
    samples=24000,
    sample_rate_hz=24000,
    figures=FIGURES,
    took_s=0.1,
    vitals=VITALS,
)
READY = Ready(
    engine="scripted",
    engine_version="1",
    sample_rate_hz=24000,
    voice="sine",
    clones=False,
    uses_device=True,
    pace_s_per_char=0.06,
    canary=FIGURES,
    vitals=VITALS,
    took_s=0.1,
)

#: One message of every kind.
SAID: dict[type[Message], Message] = {
    type(message): message
    for message in (
        Greeting(protocol=PROTOCOL_VERSION, version="1", pid=2, python="3.11"),
        Hello(protocol=PROTOCOL_VERSION, life=1, engine="scripted", device="cpu", settings={}),
        Loading(stage="x"),
        READY,
        Broken(kind="load", message="x"),
        Synthesize(segment_id=7, attempt=3, text="hello there", voice=None, seed=1),
        CHUNK,
        Progress(segment_id=7, attempt=3),
        DONE,
        Failed(segment_id=7, attempt=3, kind="oom", message="x", retryable=True, vitals=VITALS),
        Release(),
        Released(before=VITALS, after=VITALS, took_s=0.1),
        ListVoices(),
        Voices(voices=[Voice(name="sine", language="und", sample_rate_hz=24000)]),
        Exit(),
    )
}

#: The words that lead to each state.
WAYS: dict[State, list[type[Message]]] = {
    State.GREETING: [],
    State.HELLO: [Greeting],
    State.LOADING: [Greeting, Hello, Loading],
    State.IDLE: [Greeting, Hello, Ready],
    State.SPEAKING: [Greeting, Hello, Ready, Synthesize],
    State.RELEASING: [Greeting, Hello, Ready, Release],
    State.LISTING: [Greeting, Hello, Ready, ListVoices],
    State.ENDED: [Greeting, Hello, Broken],
}

#: Anything that a frame can carry.
PACKABLE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=9)
    | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)


def nearly(message: Message, field: str, value: object) -> dict[str, object]:
    """Replace one field of a real message by anything."""
    return {**msgspec.to_builtins(message, builtin_types=(bytes,)), field: value}


NEARLY = st.builds(
    nearly,
    st.sampled_from(list(SAID.values())),
    st.sampled_from(
        ["type", "segment_id", "attempt", "seq", "pcm_s16le", "samples", "chunks", "figures", "x"]
    ),
    PACKABLE,
)
