"""Convolutions in the type they are given in."""

import torch

from tts_core.precision import exact_convolutions


def settings() -> tuple[bool, bool, bool]:
    cudnn = torch.backends.cudnn
    return cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark


def test_on_the_cpu_nothing_is_touched() -> None:
    before = settings()
    with exact_convolutions(torch.device("cpu")):
        assert settings() == before


def test_for_a_card_they_are_exact_and_put_back_afterwards() -> None:
    before = settings()
    with exact_convolutions(torch.device("cuda")):
        assert settings() == (False, True, False)
    assert settings() == before


def test_looking_after_it_starts_no_cuda() -> None:
    before = torch.cuda.is_initialized()
    with exact_convolutions(torch.device("cuda")):
        pass
    assert torch.cuda.is_initialized() == before
