"""The engine glm in a real child that gets no memory, or must not touch a card."""

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from supervisor.wire.messages import Reference
from tests.child.driver import Child, child_process, hello
from tests.processes.narration import tell

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

TEXT = "The ferry leaves at ten."
#: How much more may be mapped: too little to read a recording, and to look at it. (To speak as it does takes
#: no more than what earlier work has given back to the process already.)
ROOMS_BYTES = (500_000, 4_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A small model, and a recording so long that to speak in its voice takes a while and much memory."""

    checkpoint: Path
    recording: Path
    env: Mapping[str, str]

    def child(self, **env: str) -> AbstractContextManager[Child]:
        return child_process(env={**self.env, **env})

    def get_ready(self, child: Child) -> None:
        child.patience_s = 120.0
        child.ready(hello("glm", checkpoint=str(self.checkpoint)))

    @property
    def reference(self) -> Reference:
        return Reference(path=str(self.recording), text="Hello there.")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, engine_cache: Path, text_cache: Path) -> Bench:
    from tests.tts_core.small_checkpoint import (  # noqa: PLC0415 -- torch takes seconds
        make_small_checkpoint,
        write_recording,
    )

    assert text_cache.is_relative_to(engine_cache)
    folder = tmp_path_factory.mktemp("glm")
    return Bench(
        checkpoint=make_small_checkpoint(folder / "ckpt"),
        recording=write_recording(folder / "long.wav", seed=3, seconds=28.0),
        env={"XDG_CACHE_HOME": str(engine_cache)},
    )


# ------------------------------------------------------------------ no memory


def mapped_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[0]) * resource.getpagesize()


def limit(child: Child, room_bytes: int | None) -> None:
    """Let the child map so much more than it has; None = as much as it likes."""
    pid = child.process.pid
    soft = resource.RLIM_INFINITY if room_bytes is None else mapped_bytes(pid) + room_bytes
    resource.prlimit(pid, resource.RLIMIT_AS, (soft, resource.RLIM_INFINITY))


def test_no_memory_costs_an_attempt_with_its_figures_and_what_comes_after_is_right(bench: Bench) -> None:
    with bench.child() as fresh:
        bench.get_ready(fresh)
        undisturbed = fresh.speak(TEXT, seed=3, reference=bench.reference).pcm  # and its voice is kept
    with bench.child() as child:
        bench.get_ready(child)
        plain = child.speak(TEXT, seed=3).pcm
        for room_bytes in ROOMS_BYTES:
            limit(child, room_bytes)
            failed = child.speak(TEXT, seed=3, reference=bench.reference).failed
            limit(child, None)
            tell(failed.message)
            assert (failed.kind, failed.retryable, failed.sticky) == ("oom", True, False)
            assert f"out of memory within {TEXT!r} ({len(TEXT)} characters): " in failed.message
            assert all(f"MiB {figure}" in failed.message for figure in ("held", "mapped", "available"))
            assert child.speak(TEXT, seed=3).pcm == plain
        assert child.speak(TEXT, seed=3, reference=bench.reference).pcm == undisturbed
        assert child.leave() == 0


# ------------------------------------------------------------------ no card

#: A driver that leaves a trace of whoever loads it.
DRIVER = """
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
__attribute__((constructor)) static void loaded(void) {
    const char *trace = getenv("DRIVER_TRACE");
    if (trace) close(open(trace, O_CREAT | O_WRONLY, 0600));
}
int cuInit(unsigned flags) { (void)flags; return 100; } /* CUDA_ERROR_NO_DEVICE */
"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a libcuda.so.1 of ours."""
    if shutil.which("gcc") is None:
        pytest.skip("the driver is built with gcc")
    folder = tmp_path_factory.mktemp("driver")
    (folder / "driver.c").write_text(DRIVER)
    library, source = str(folder / "libcuda.so.1"), str(folder / "driver.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source], check=True)
    return folder


def looked_at(driver: Path, trace: Path) -> dict[str, str]:
    before = os.environ.get("LD_LIBRARY_PATH")
    path = f"{driver}:{before}" if before else str(driver)
    return {"LD_LIBRARY_PATH": path, "DRIVER_TRACE": str(trace)}


def test_on_the_cpu_no_driver_is_loaded_and_no_device_opened(
    bench: Bench, driver: Path, tmp_path: Path
) -> None:
    trace = tmp_path / "loaded"
    with bench.child(**looked_at(driver, trace)) as child:
        bench.get_ready(child)
        child.speak(TEXT, reference=bench.reference)
        child.speak(TEXT, settings={"sample_rate": 32_000})
        mapped = Path(f"/proc/{child.process.pid}/maps").read_text("utf-8")
        opened = [str(link.readlink()) for link in Path(f"/proc/{child.process.pid}/fd").iterdir()]
        assert child.leave() == 0
    assert not trace.exists()
    assert "libcuda.so" not in mapped
    assert [path for path in opened if path.startswith("/dev/nvidia")] == []


def test_that_driver_does_leave_its_trace(driver: Path, tmp_path: Path) -> None:
    trace = tmp_path / "loaded"
    load = "import ctypes; ctypes.CDLL('libcuda.so.1')"
    subprocess.run(
        [sys.executable, "-c", load], env={**os.environ, **looked_at(driver, trace)}, check=True, timeout=60
    )
    assert trace.exists()
