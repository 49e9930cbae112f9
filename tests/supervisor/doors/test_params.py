"""Params are what a method wants, or the answer names the field that is wrong."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.doors import jsonrpc as rpc
from supervisor.doors.params import (
    MAX_SEED,
    Named,
    Nothing,
    read_meta,
    read_params,
    speech_of,
    submission_of,
)
from supervisor.loop.speaking import SpeechRequest, Submission

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def wrong(params: object, *, submit: bool = False) -> str:
    text = params if isinstance(params, bytes) else json.dumps(params).encode()
    with pytest.raises(rpc.Fault) as raised:
        (submission_of if submit else speech_of)(text)
    assert raised.value.error.code == rpc.INVALID_PARAMS
    assert len(raised.value.error.message) < 500
    return raised.value.error.message


def test_what_is_right_is_read_with_or_without_what_mcp_puts_beside_it() -> None:
    wanted = SpeechRequest(text="hello", seed=3)
    assert speech_of(b'{"text":"hello","seed":3}') == wanted
    assert speech_of(b'{"_meta":{"progressToken":1,"x":{}},"text":"hello","seed":3}') == wanted
    assert read_params(b'{"_meta":{}}', Nothing) == read_params(b"", Nothing) == read_params(b"[ ]", Nothing)


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({}, "missing required field `text`"),
        ({"text": 7}, "params.text: expected `str`, got `int`"),
        ({"text": None}, "params.text: expected `str`, got `null`"),
        ({"text": " \n"}, "params.text: is empty"),
        ({"text": "a", "sed": 1}, "unknown field `sed`"),
        ({"text": "a", "seed": True}, "params.seed: expected `int`, got `bool`"),
        ({"text": "a", "seed": 0.5}, "params.seed: expected `int`, got `float`"),
        ({"text": "a", "seed": -1}, "params.seed: need a whole number from 0"),
        ({"text": "a", "seed": MAX_SEED + 1}, str(MAX_SEED + 1)),
        ({"text": "a", "seed": 10**400}, "params.seed"),
        (
            {"text": "a", "sample_rate": 7999},
            "params.sample_rate: need a rate from 8000 to 192000 Hz, got 7999",
        ),
        ({"text": "a", "audio": "loud"}, "params.audio: invalid enum value 'loud'"),
        ({"text": "a", "voice": ["x"]}, "params.voice: expected `str | null`, got `array`"),
        ({"text": "a", "output_file": "a\0b"}, "params.output_file: need a path"),
        ({"text": "a", "output_file": ""}, "params.output_file: need a path"),
        ({"text": "a", "deadline_s": 0}, "params.deadline_s: need seconds over 0"),
        ({"text": "a", "deadline_s": 1e9}, "params.deadline_s: need seconds"),
        (["a"], "need an object with names, got an array"),
        (b'{"text":"\\ud800"}', "params: "),
        (b'{"text":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "params"),
        (b'{"_meta":{"\\ud800":1},"text":7}', "params"),
    ],
)
def test_what_is_wrong_of_an_utterance_is_named(params: object, named: str) -> None:
    assert named in wrong(params)


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"output": "a.wav"}, "params.inputs: give either"),
        ({"output": "a.wav", "text": "a", "inputs": ["b"]}, "params.inputs: give either"),
        ({"output": "a.wav", "inputs": []}, "params.inputs: need at least one path"),
        ({"output": "a.wav", "inputs": ["a", 7]}, "params.inputs[1]: expected `str | object`, got `int`"),
        ({"output": "a.wav", "inputs": ["a", "\0"]}, "params.inputs[1]: need a path"),
        ({"text": "a"}, "missing required field `output`"),
        ({"text": "a", "output": ""}, "params.output: need a path"),
        ({"text": "", "output": "a"}, "params.text: is empty"),
        ({"text": "a", "output": "a", "format": "mp3"}, "params.format: invalid enum value 'mp3'"),
        ({"text": "a", "output": "a", "folder": "b"}, "params.folder: need an absolute path, got 'b'"),
        ({"text": "a", "output": "a", "reference": "b"}, "params.reference: need an absolute path"),
        ({"text": "a", "output": "a", "seen": {"b": "1:2"}}, "params.seen: need an absolute path"),
        (
            {"output": "a", "inputs": [{"text": "a"}]},
            "params.inputs[0]: object missing required field `name`",
        ),
        ({"output": "a", "inputs": [{"name": "a"}]}, "params.inputs[0]: give either `text` or `text_file`"),
        (
            {"output": "a", "inputs": [{"name": "a", "text": "b", "text_file": "/c"}]},
            "params.inputs[0]: give either",
        ),
        ({"output": "a", "inputs": [{"name": "", "text": "b"}]}, "params.inputs[0].name: need a path"),
        (
            {"output": "a", "inputs": [{"name": "a", "text_file": "c"}]},
            "params.inputs[0].text_file: need an ab",
        ),
        (
            {"output": "a", "inputs": [{"name": "a", "text": "b", "path": "c"}]},
            "params.inputs[0].path: need an",
        ),
    ],
)
def test_what_is_wrong_of_a_submission_is_named(params: object, named: str) -> None:
    assert named in wrong(params, submit=True)


def test_a_submission_of_either_kind_is_read() -> None:
    assert submission_of(b'{"output":"a/","inputs":["b"]}') == Submission(output="a/", inputs=["b"])
    assert submission_of(b'{"output":"a.wav","text":"b","key":"k"}') == Submission(
        output="a.wav", text="b", key="k"
    )


def test_a_token_of_progress_is_read_or_named() -> None:
    assert read_meta(b'{"_meta":{"progressToken":"t"}}').progressToken == "t"
    assert read_meta(b'{"_meta":{"progressToken":7}}').progressToken == 7
    assert read_meta(b"{}").progressToken is None
    with pytest.raises(rpc.Fault, match=r"params\._meta\.progressToken: expected"):
        read_meta(b'{"_meta":{"progressToken":[]}}')


@given(
    st.dictionaries(st.sampled_from(["text", "seed", "voice", "_meta", "audio", "deadline_s", "x"]), values)
    | values
)
def test_whatever_is_sent_is_read_or_refused(params: object) -> None:
    if not isinstance(params, dict | list):
        return  # no request has such params
    text = json.dumps(params).encode("utf-8", "replace")
    for wanted in (SpeechRequest, Submission, Nothing, Named):
        with contextlib.suppress(rpc.Fault):
            assert isinstance(read_params(text, wanted), wanted)
        with contextlib.suppress(rpc.Fault):
            read_meta(text)
