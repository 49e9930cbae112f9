"""Each in a process of its own: pytest's has threads."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tree import ROOT

pytestmark = pytest.mark.processes

PROGRAM = """
import mmap, os, sys, threading, types
from child import forkable
from child.forkable import why_not
def torch(initialized):
    module = types.ModuleType("torch")
    module.cuda = types.SimpleNamespace(is_initialized=lambda: initialized)
    sys.modules["torch"] = module
"""


def run(lines: str, *words: str) -> list[str]:
    """Run the lines; returns what they printed."""
    command = [sys.executable, "-c", PROGRAM + lines, *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=15, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_process_of_one_thread_may_be_forked() -> None:
    assert run("print(why_not())") == ["None"]


def test_a_second_thread_is_told_and_one_that_has_ended_is_not() -> None:
    lines = """
over = threading.Event()
other = threading.Thread(target=over.wait)
other.start()
print(why_not())
over.set()
other.join()
print(why_not())
"""
    assert run(lines) == ["2 threads run in the template, and a fork has only one of them", "None"]


def test_torch_alone_hinders_nothing_but_its_cuda_does() -> None:
    lines = "torch(False); print(why_not()); torch(True); print(why_not())"
    assert run(lines) == ["None", "torch has initialised CUDA in the template"]


# The driver's own devices are not on every machine: any file stands for one.
DEVICE = "forkable._DEVICES = sys.argv[1]; file = open(sys.argv[1] + 'ctl', 'rb')\n"


# A map keeps a descriptor of its own; what is asked here is the map.
MAP = """held = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
os.closerange(3, 99)
forkable._DESCRIPTORS = type(forkable._MAPS)("/sys/kernel")
"""


@pytest.mark.parametrize("hold", ["", MAP], ids=["open", "mapped"])
def test_a_device_of_the_driver_is_named(hold: str, tmp_path: Path) -> None:
    (tmp_path / "nvidiactl").write_bytes(b"x" * 4096)
    (said,) = run(f"{DEVICE}{hold}print(why_not())", str(tmp_path / "nvidia"))
    assert said == f"the template holds {tmp_path}/nvidiactl open: a driver was initialised in it"
