"""One name is written by one at a time, and what stands under it is always somebody's whole file."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from supervisor.edge.partfile import open_alone
from supervisor.errors import TryLater
from tests.tree import ROOT

HOLD = """
import sys
from pathlib import Path
from supervisor.edge.partfile import open_alone
open_alone(Path(sys.argv[1]), Path("a.wav"))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.processes
def test_a_file_that_another_process_writes_is_left_alone_until_that_is_gone(tmp_path: Path) -> None:
    part = tmp_path / ".a.wav.part"
    part.write_bytes(b"what a killed one left")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(part)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        part.write_bytes(b"its own")
        with pytest.raises(TryLater, match=r"a\.wav is being written by another process") as caught:
            open_alone(part, tmp_path / "a.wav")
        assert caught.value.exit_code == 75
        assert part.read_bytes() == b"its own"
        holder.kill()
    descriptor = open_alone(part, tmp_path / "a.wav")
    assert part.read_bytes() == b""
    os.close(descriptor)


def test_what_stands_there_is_always_one_writers_whole_file(tmp_path: Path) -> None:
    part, target = tmp_path / ".a.part", tmp_path / "a"
    target.write_bytes(bytes(4096))
    mixed: list[bytes] = []
    tries = [0] * 4

    def write(number: int) -> None:
        for _ in range(300):
            try:
                descriptor = open_alone(part, target)
            except TryLater:
                continue
            for _ in range(4):
                os.write(descriptor, bytes([number]) * 1024)
            part.replace(target)
            os.close(descriptor)
            tries[number] += 1

    def look() -> None:
        while any(thread.is_alive() for thread in threads):
            seen = target.read_bytes()
            if len(seen) != 4096 or len(set(seen)) != 1:
                mixed.append(seen)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    look()
    assert mixed == []
    assert sum(tries) > 4
    assert not part.exists()


def test_a_folder_that_is_not_there_is_told_as_the_system_tells_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_alone(tmp_path / "none" / "a.part", tmp_path / "none" / "a")
