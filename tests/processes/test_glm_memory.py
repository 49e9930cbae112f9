"""The engine glm in a real child that gets no memory, or must not touch a card."""

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from supervisor.wire.messages import Reference, Release, Released
from tests.child.driver import Child, child_process, hello
from tests.processes.narration import tell

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

TEXT = "The ferry leaves at ten."

#: Left to itself glibc learns from each large block that is freed to keep the next ones in its heap, up to
#: 64 MiB of them (mallopt(3), M_MMAP_THRESHOLD), and what lies there no limit forbids: how much that is
#: depends on the order of all that came before. So blocks from 64 KiB on are mapped, and unmapped when freed.
STEADY = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "65536",
    "MALLOC_TRIM_THRESHOLD_": "65536",
    "MALLOC_TOP_PAD_": "0",
}

#: How much more may be mapped, and who then asks in vain: well between the edges, which were found at 2.9 MB,
#: where the recording has been read, at 6.7 MB, where the flow is done, and at 12.5 MB, where all is.
ROOMS_BYTES = (
    (300_000, "the recording"),
    (1_500_000, "the recording"),
    (4_500_000, "the flow"),
    (9_000_000, "the vocoder"),
)

#: A feed-forward so wide that to take in a prompt takes more than all else: 9 MB.
WIDE = 1024
ROOMS_OF_THE_WIDE_BYTES = ((5_000_000, "the language model"),)

#: What a process may have more of after all of them than before: small blocks and their free ends. One tensor
#: held of each failure would be more.
LEFT_BYTES = 5_000_000


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
        # A telephone's: to read it takes little of the memory that to speak like it does.
        recording=write_recording(folder / "long.wav", seed=3, seconds=28.0, rate_hz=8000),
        env={"XDG_CACHE_HOME": str(engine_cache)},
    )


@pytest.fixture
def wide(bench: Bench, tmp_path: Path) -> Bench:
    """The same with a language model that takes more than flow and vocoder."""
    from tests.tts_core.small_lm import widen  # noqa: PLC0415 -- torch takes seconds

    checkpoint = Path(shutil.copytree(bench.checkpoint, tmp_path / "wide"))
    widen(checkpoint / "llm", WIDE)
    return replace(bench, checkpoint=checkpoint)


# ------------------------------------------------------------------ no memory


def mapped_bytes(child: Child) -> int:
    statm = Path(f"/proc/{child.process.pid}/statm").read_text("ascii")
    return int(statm.split()[0]) * resource.getpagesize()


@contextmanager
def limited(child: Child, room_bytes: int) -> Generator[None]:
    """Let the child map so much more than it has."""
    whole = resource.RLIM_INFINITY
    resource.prlimit(child.process.pid, resource.RLIMIT_AS, (mapped_bytes(child) + room_bytes, whole))
    yield
    resource.prlimit(child.process.pid, resource.RLIMIT_AS, (whole, whole))


def run_out(bench: Bench, child: Child, room_bytes: int, stage: str) -> None:
    """Speak where there is no room for it, and look at what is told."""
    with limited(child, room_bytes):
        failed = child.speak(TEXT, seed=3, reference=bench.reference).failed
    tell(f"{room_bytes:,} bytes: {failed.message}")
    assert (failed.kind, failed.retryable, failed.sticky) == ("oom", True, False)
    assert f"out of memory within {TEXT!r} ({len(TEXT)} characters), in {stage}: " in failed.message
    assert all(f"MiB {figure}" in failed.message for figure in ("held", "mapped", "available"))


def released_bytes(child: Child) -> int:
    """Have the caches released; how much less they hold."""
    child.send(Release())
    answer = child.receive()
    assert isinstance(answer, Released)
    return (answer.before.declared_bytes or 0) - (answer.after.declared_bytes or 0)


def run_out_and_go_on(bench: Bench, rooms: Sequence[tuple[int, str]]) -> None:
    with bench.child(**STEADY) as fresh:
        bench.get_ready(fresh)
        undisturbed = fresh.speak(TEXT, seed=3, reference=bench.reference).pcm
    assert undisturbed
    with bench.child(**STEADY) as child:
        bench.get_ready(child)
        plain = child.speak(TEXT, seed=3).pcm
        assert (
            child.speak(TEXT, seed=3, reference=bench.reference).pcm == undisturbed
        )  # and its voice is kept
        before_bytes = mapped_bytes(child)
        for room_bytes, stage in rooms:
            run_out(bench, child, room_bytes, stage)
            assert child.speak(TEXT, seed=3).pcm == plain
        run_out(bench, child, *rooms[-1])
        assert mapped_bytes(child) - before_bytes < LEFT_BYTES
        assert released_bytes(child) > 0  # the voices: they lie on disk
        assert child.speak(TEXT, seed=3, reference=bench.reference).pcm == undisturbed
        assert child.leave() == 0


def test_no_memory_costs_an_attempt_with_its_figures_and_what_comes_after_is_right(bench: Bench) -> None:
    run_out_and_go_on(bench, ROOMS_BYTES)


def test_no_memory_for_the_language_model_is_the_same(wide: Bench) -> None:
    run_out_and_go_on(wide, ROOMS_OF_THE_WIDE_BYTES)


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
