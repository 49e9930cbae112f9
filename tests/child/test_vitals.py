"""What the process says of its own memory."""

import os

import psutil

from child.vitals import give_back_host_memory, host_vitals, private_bytes


def test_private_memory_agrees_with_psutil() -> None:
    own = private_bytes()
    other: int = psutil.Process(os.getpid()).memory_full_info().uss
    assert abs(own - other) < 8 * 1024 * 1024  # psutil itself allocates to read


def test_an_engine_without_torch_knows_of_no_device_bytes() -> None:
    vitals = host_vitals()
    assert vitals.host_private_bytes > 1024 * 1024
    assert (vitals.live_bytes, vitals.reserved_bytes, vitals.peak_bytes, vitals.declared_bytes) == (None,) * 4


def test_giving_back_returns_what_was_freed() -> None:
    # Small blocks come from malloc's heap; one kept at its top holds all below it.
    blocks = [bytes(1000) for _ in range(50_000)]
    top = bytes(1000)
    held = private_bytes()
    del blocks
    give_back_host_memory()
    assert private_bytes() < held - 20 * 1024 * 1024
    assert top
