"""What the process says of its own memory."""

import os
import subprocess
import sys

import psutil

from child.vitals import give_back_host_memory, host_vitals, private_bytes
from tests.tree import ROOT


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


BIG_BYTES = 512 * 1024 * 1024
STEP_BYTES = 16 * 1024 * 1024

# Pages of 4 KiB, so that a walk over them is dear.
PROGRAM = f"""
import mmap, os, time
from child.vitals import private_bytes
def touched(size):
    block = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    block.madvise(mmap.MADV_NOHUGEPAGE)
    block[::4096] = b"x" * (size // 4096)
    return block
def exact():
    lines = open("/proc/self/smaps_rollup").read().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))
big = touched({BIG_BYTES})
private_bytes()
"""


def told(program: str) -> list[int]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM + program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [int(word) for word in done.stdout.split()]


def test_between_two_walks_over_a_large_process_the_figure_moves_with_what_it_takes() -> None:
    program = f"step = touched({STEP_BYTES}); print(private_bytes(), exact())"
    figure, exact = told(program)
    assert figure >= BIG_BYTES + STEP_BYTES
    assert abs(figure - exact) < 4 * 1024 * 1024


def test_a_fork_of_a_large_process_holds_only_what_it_took_itself() -> None:
    program = f"""
if not os.fork():
    step = touched({STEP_BYTES})
    print(private_bytes(), exact(), flush=True)
    os._exit(0)
os.wait()
"""
    figure, exact = told(program)
    assert STEP_BYTES <= figure < STEP_BYTES * 2
    assert abs(figure - exact) < 8 * 1024 * 1024


def test_a_large_process_is_walked_over_now_and_then() -> None:
    program = """
began = time.process_time()
for _ in range(100): private_bytes()
counted = time.process_time() - began
began = time.process_time()
for _ in range(10): exact()
print(round(1e6 * counted / 100), round(1e6 * (time.process_time() - began) / 10))
"""
    counting_us, walking_us = told(program)
    assert counting_us < walking_us / 3
