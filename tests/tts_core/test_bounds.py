"""What libraries keep for themselves is bounded, and a user's own bound stands."""

import os

import pytest

from tts_core.bounds import ONEDNN_SHAPES, bound_libraries

NAMES = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "CUBLAS_WORKSPACE_CONFIG", "CUBLASLT_WORKSPACE_SIZE")


def test_bounds_are_said_where_the_libraries_look(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    bound_libraries()
    assert os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == str(ONEDNN_SHAPES)
    # The second workspace lies in the workspace of cuBLAS, which must have the room.
    numbers = os.environ["CUBLAS_WORKSPACE_CONFIG"].strip(":").split(":")
    whole_kib = sum(int(kib) * int(count) for kib, count in zip(numbers[::2], numbers[1::2], strict=True))
    assert int(os.environ["CUBLASLT_WORKSPACE_SIZE"]) <= whole_kib < 16 * 1024


def test_what_is_said_already_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "1")
    bound_libraries()
    assert [os.environ[name] for name in NAMES] == ["1"] * 3
