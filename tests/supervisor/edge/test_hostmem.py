import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from supervisor.edge import hostmem, proc
from supervisor.edge.hostmem import private_bytes, read_host

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
