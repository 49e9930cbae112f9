from pathlib import Path

import pytest

from tts_core import errors


def test_weights_of_another_model_are_all_named_at_once() -> None:
    error = errors.WeightsError(
        path=Path("flow.pt"),
        missing=["a.weight", "b.weight"],
        unexpected=["c.weight"],
        wrong_shape=["d.weight (2, 3) instead of (3, 3)"],
    )
    assert isinstance(error, errors.CheckpointError)
    assert str(error) == (
        "flow.pt: these weights are of another model (2 missing: a.weight, b.weight; "
        "1 unexpected: c.weight; 1 of another shape: d.weight (2, 3) instead of (3, 3))"
    )
    assert (error.missing, error.unexpected) == (["a.weight", "b.weight"], ["c.weight"])


def test_of_hundreds_the_first_few_and_their_number_are_said() -> None:
    names = [f"layer.{number}" for number in range(300)]
    error = errors.WeightsError(path=Path("llm"), missing=names, unexpected=[], wrong_shape=[])
    assert "300 missing: layer.0, " in str(error)
    assert str(error).endswith("layer.7 and 292 more)")
    assert error.missing == names


@pytest.mark.parametrize(
    "kind",
    [
        errors.CheckpointError,
        errors.SettingError,
        errors.RecordingError,
        errors.TextError,
        errors.CapReached,
        errors.OutOfMemory,
    ],
)
def test_every_kind_is_an_error_of_this_library(kind: type[errors.TtsError]) -> None:
    assert issubclass(kind, errors.TtsError)
    assert kind.__name__ in (errors.__doc__ or "")
