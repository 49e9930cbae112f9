import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from supervisor.edge import hostmem, proc
from supervisor.edge.hostmem import HostReader, private_bytes, read_host

pytestmark = pytest.mark.processes

MIB = 1024 * 1024
HELD = 64 * MIB
#: A bare interpreter holds 5 to 10 MiB, its fork a few more pages that it wrote.
BARE = 16 * MIB


@contextmanager
def running(program: str) -> Generator["subprocess.Popen[bytes]"]:
    words = [sys.executable, "-S", "-c", f"import os\n{program}\nos.write(1, b'on'); os.read(0, 1)"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as one:
        assert one.stdout is not None
        assert os.read(one.stdout.fileno(), 2) == b"on"
        yield one
        one.kill()


TOUCH = f"held = b'x' * {HELD}"
FORK = "read, write = os.pipe()\nif not os.fork(): os.close(write); os.read(read, 1); os._exit(0)"


def test_what_a_process_touched_is_its_own() -> None:
    with running(TOUCH) as one:
        assert HELD <= (private_bytes(one.pid) or 0) <= HELD + BARE


@pytest.mark.parametrize("forks", [1, 4])
def test_a_fork_neither_hides_what_it_shares_nor_counts_it_twice(forks: int) -> None:
    with running("\n".join([TOUCH, *[FORK] * forks])) as one:
        assert len(proc.descendants(one.pid)) == forks
        assert psutil.Process(one.pid).memory_full_info().uss < HELD, "else there is nothing to hide"
        assert HELD <= (private_bytes(one.pid) or 0) <= HELD + BARE * (1 + forks)


def test_what_a_fork_touched_counts_as_the_childs() -> None:
    with running(
        f"if not os.fork():\n    {TOUCH}\n    os.write(1, b'on'); os.read(0, 1); os._exit(0)"
    ) as one:
        assert one.stdout is not None
        assert os.read(one.stdout.fileno(), 2) == b"on"
        assert (private_bytes(one.pid) or 0) >= HELD


def test_a_process_that_is_gone_or_a_zombie_has_no_figure() -> None:
    with running("") as one:
        one.kill()
        os.waitid(os.P_PID, one.pid, os.WEXITED | os.WNOWAIT)
        assert private_bytes(one.pid) is None
    assert private_bytes(one.pid) is None


def test_the_machine_has_at_least_what_is_left_of_it() -> None:
    reading = read_host(None)
    assert 0 < reading.available_bytes <= reading.total_bytes <= psutil.virtual_memory().total
    assert reading.child_private_bytes is None
    assert read_host(os.getpid()).child_private_bytes


BIG = 512 * MIB
# Touches a page of each 4 KiB of `BIG` at once, then `HELD` more for each byte that it reads.
GROWS = f"""
import mmap
held = []
def touch(size):
    held.append(mmap.mmap(-1, size))
    for at in range(0, size, 4096): held[-1][at] = 1
touch({BIG})
while True:
    os.write(1, b'on')
    if not os.read(0, 1): break
    touch({HELD})
"""


def test_a_reader_sees_growth_between_its_walks() -> None:
    reader = HostReader()
    with running(GROWS) as one:
        assert one.stdin is not None
        assert one.stdout is not None
        before = reader.read(one.pid).child_private_bytes or 0
        os.write(one.stdin.fileno(), b"!")
        assert os.read(one.stdout.fileno(), 2) == b"on"
        # The walk over 512 MiB took milliseconds, so the next one is due in seconds.
        after = reader.read(one.pid).child_private_bytes or 0
        assert abs(after - before - HELD) <= 2 * MIB
        assert abs(after - (private_bytes(one.pid) or 0)) <= 2 * MIB


def test_a_reader_walks_over_a_large_child_only_now_and_then() -> None:
    reader = HostReader()
    with running(GROWS) as one:
        walked = _processor_s(lambda: read_host(one.pid))
        reader.read(one.pid)
        assert _processor_s(lambda: [reader.read(one.pid) for _ in range(10)]) < 5 * walked


def _processor_s(work: Callable[[], object]) -> float:
    began_s = time.process_time()
    work()
    return time.process_time() - began_s


def test_a_reader_begins_anew_with_the_next_child_and_with_forks() -> None:
    reader = HostReader()
    with running(TOUCH) as one:
        assert (reader.read(one.pid).child_private_bytes or 0) >= HELD
    assert reader.read(one.pid).child_private_bytes is None
    with running("") as other:
        assert 0 < (reader.read(other.pid).child_private_bytes or 0) <= BARE
    with running(f"{TOUCH}\n{FORK}") as forked:
        assert HELD <= (reader.read(forked.pid).child_private_bytes or 0) <= HELD + 2 * BARE


def group(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_a_control_group_and_those_above_it_bound_the_machine(tmp_path: Path) -> None:
    stat = "anon 1\ninactive_file 100\n"
    group(tmp_path / "a", memory__max="5000\n", memory__current="1100\n", memory__stat=stat)
    group(tmp_path / "a" / "b", memory__max="max\n", memory__current="1000\n", memory__stat=stat)
    bounds = hostmem._bounds_of("0::/a/b\n", tmp_path)  # pyright: ignore[reportPrivateUsage] -- no such group here
    assert [(bound.limit_bytes, bound.held_bytes) for bound in bounds] == [(5000, 1000)]


def test_an_older_control_group_counts_as_well(tmp_path: Path) -> None:
    group(
        tmp_path / "memory" / "a",
        memory__limit_in_bytes="9223372036854771712",
        memory__usage_in_bytes="7",
        memory__stat="total_inactive_file 2\n",
    )
    own = "9:name=systemd:/\n4:cpu,memory:/a\n"
    bounds = hostmem._bounds_of(own, tmp_path)  # pyright: ignore[reportPrivateUsage] -- as above
    assert [bound.held_bytes for bound in bounds] == [5]


def test_a_container_that_shows_the_hosts_path_is_bound_by_its_mount(tmp_path: Path) -> None:
    group(tmp_path, memory__max="300\n", memory__current="50\n")
    bounds = hostmem._bounds_of("0::/host/path/of/it\n", tmp_path)  # pyright: ignore[reportPrivateUsage] -- as above
    assert [(bound.limit_bytes, bound.held_bytes) for bound in bounds] == [(300, 50)]


# ------------------------------------------------------------------ children of a template


def test_a_walk_of_the_readers_own_agrees_with_psutil() -> None:
    with running(TOUCH) as one:
        own = HostReader().read(one.pid).child_private_bytes or 0
        memory = psutil.Process(one.pid).memory_full_info()
        assert abs(own - memory.uss - memory.swap) <= 256 * 1024


# A template holds `HELD`; its fork, whose pid it tells, touches as much of its own when it gets a byte, and
# forks itself at the next.
TEMPLATE = f"""
{TOUCH}
if not os.fork():
    os.write(1, b'%8d' % os.getpid())
    os.read(0, 1)
    mine = b'y' * {HELD}
    os.write(1, b'.')
    os.read(0, 1)
    read, write = os.pipe()
    if not os.fork(): os.close(write); os.read(read, 1); os._exit(0)
    os.write(1, b'.')
    os.read(0, 1)
    os._exit(0)
import signal; signal.pause()
"""


def test_what_a_child_shares_with_its_template_is_not_its_own_whether_it_forks_or_not() -> None:
    reader = HostReader()
    words = [sys.executable, "-S", "-c", f"import os\n{TEMPLATE}"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as template:
        assert template.stdin is not None
        assert template.stdout is not None
        told, tell = template.stdout.fileno(), template.stdin.fileno()
        child = int(os.read(told, 8))

        def held_after(step: bytes) -> int:
            os.write(tell, step)
            assert os.read(told, 1) == b"."
            return reader.read(child).child_private_bytes or 0

        assert (reader.read(child).child_private_bytes or 0) <= BARE
        assert HELD <= held_after(b"1") <= HELD + BARE
        reader._walk = None  # pyright: ignore[reportPrivateUsage] -- the next reading shall be a walk
        assert HELD <= (reader.read(child).child_private_bytes or 0) <= HELD + BARE
        assert HELD <= held_after(b"2") <= HELD + 2 * BARE
        # The sum of proportional parts, right for a cold child, would have two thirds of the template's.
        assert (private_bytes(child) or 0) > HELD + 2 * BARE
        template.kill()
        os.kill(child, 9)
