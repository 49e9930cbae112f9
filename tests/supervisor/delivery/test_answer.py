"""What went wrong is said by kind."""

import json
import os
from pathlib import Path

import msgspec
import pytest

from supervisor.delivery.answer import answer
from supervisor.edge.partfile import open_alone


def lines(path: Path, *pieces: dict[str, object]) -> list[bytes]:
    head = {"path": str(path), "format": "wav", "sample_rate_hz": 8000, "title": ""}
    return [json.dumps(line).encode() for line in (head, *pieces, {"end": True})]


def test_a_delivered_file_is_answered_with_its_figures(tmp_path: Path) -> None:
    said, status = answer(lines(tmp_path / "a.wav", {"silence_s": 0.5}))
    found = msgspec.to_builtins(said)["ok"]
    assert status == 0
    assert found.keys() == {"path", "samples", "sample_rate_hz", "seconds", "sha256"}
    assert (found["samples"], found["seconds"]) == (4000, 0.5)


@pytest.mark.parametrize(
    ("kind", "name", "piece"),
    [
        ("bad_audio", "a.wav", {"wav": "/no/such", "sample_rate_hz": 8000, "samples": 10, "sha256": "ab"}),
        ("unwritable", "file/a.wav", {"silence_s": 0.5}),
        ("internal", "a.wav", {"neither": "nor"}),
    ],
)
def test_a_failure_is_answered_with_its_kind(
    tmp_path: Path, kind: str, name: str, piece: dict[str, object]
) -> None:
    (tmp_path / "file").write_text("in the way")
    said, status = answer(lines(tmp_path / name, piece))
    found = msgspec.to_builtins(said)["error"]
    assert (status, found["kind"]) == (1, kind)
    assert found["message"]
    assert not (tmp_path / name).exists()


def test_a_file_that_another_delivery_writes_is_answered_as_in_use(tmp_path: Path) -> None:
    others = open_alone(tmp_path / ".a.wav.part", tmp_path / "a.wav")
    said, status = answer(lines(tmp_path / "a.wav", {"silence_s": 0.5}))
    os.close(others)
    assert (status, msgspec.to_builtins(said)["error"]["kind"]) == (1, "in_use")
