"""What a service weighs, whoever asks it for however much, and whoever does not read what it says."""

import json
import os
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from supervisor.edge.runtimefolder import connect
from tests.processes.narration import PATIENCE_S, Task, paragraphs, tell
from tests.processes.serving import Serving, scripted_task

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

MIB = 2**20
MOST_BYTES = 40 * MIB

#: What Python and its allocator keep at their own discretion, in a process of so many small objects.
NOISE_BYTES = MIB

#: Some 100 s of speech, 5 MB of samples, where a character is spoken in 0.06 s.
LONG = "A sentence of fifty characters, or a few more, is said. " * 30
SPOKEN_SLOWLY = {"engine.scripted.seconds_per_char": "0.06", "queue.max_waiting": "2000"}


def bytes_of(pid: int, name: str) -> int:
    found = Path(f"/proc/{pid}/status").read_text("ascii").split()
    return int(found[found.index(f"{name}:") + 1]) * 1024


class Weight:
    """Looks at the parent, and remembers what it saw."""

    def __init__(self, service: Serving) -> None:
        self._pid = service.pid
        self._said = list[str]()

    def now(self, when: str) -> int:
        resident_bytes = bytes_of(self._pid, "VmRSS")
        self._said.append(f"{when} {resident_bytes / MIB:.1f}")
        return resident_bytes

    def check_most(self) -> None:
        most_bytes = bytes_of(self._pid, "VmHWM")
        tell(f"VmRSS in MiB: {', '.join(self._said)}; VmHWM {most_bytes / MIB:.1f}")
        assert most_bytes < MOST_BYTES


@contextmanager
def serving(task: Task) -> Generator[tuple[Serving, Weight]]:
    """A service whose child is ready, and its weight, which is checked at the end."""
    with Serving(task) as service:
        service.child_pid()
        weight = Weight(service)
        weight.now("idle")
        yield service, weight
        weight.check_most()
        assert service.hang_up() == 0


def line(number: int, method: str, **params: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode() + b"\n"


def knock(task: Task) -> socket.socket:
    found = connect(Path(os.path.realpath(task.state)), dict(task.env), None, limit_s=PATIENCE_S)
    found.settimeout(PATIENCE_S)
    return found


def ask_and_read(task: Task, count: int, heard: list[bytes]) -> None:
    """Ask for so many utterances over a connection, one after the other, and read all of each."""
    with knock(task) as ours, ours.makefile("rb") as answers:
        for number in range(count):
            ours.sendall(line(number, "synthesize", text=f"Request {number} is this one.", audio="inline"))
            while b'"audio/chunk"' in (said := answers.readline()):
                pass
            heard.append(said)


def callers(task: Task, count: int, *, each: int) -> None:
    """So many ask at once; every one of them is answered."""
    heard = list[bytes]()
    threads = [threading.Thread(target=ask_and_read, args=(task, each, heard)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [said for said in heard if b'"result"' not in said] == []
    assert len(heard) == count * each


@pytest.mark.parametrize("devices", ['"cpu"', '["cpu", "cpu"]'])
def test_fifty_callers_leave_it_as_it_is_however_much_they_ask_for(tmp_path: Path, devices: str) -> None:
    task = scripted_task(tmp_path, **{"child.device": devices, "queue.max_running": "2"})
    with serving(task) as (_, weight):
        callers(task, 50, each=4)
        before = weight.now("after 200")
        callers(task, 50, each=36)
        assert weight.now("after 2,000") - before < NOISE_BYTES


def say_and_never_read(task: Task) -> socket.socket:
    """Ask for much audio and for many answers, as far as anybody takes the questions."""
    deaf = knock(task)
    deaf.sendall(b"".join(line(number, "synthesize", text=LONG, audio="inline") for number in range(4)))
    deaf.setblocking(False)
    asked = memoryview(b"".join(line(number, "status") for number in range(4, 10_000)))
    try:
        while asked:
            asked = asked[deaf.send(asked) :]
    except BlockingIOError:
        pass
    return deaf


def without_name(pid: int) -> list[str]:
    """Files of a process that have no name any more."""
    found = [str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()]
    return [target for target in found if target.endswith(" (deleted)")]


def test_ten_that_never_read_cost_disk_and_no_memory_and_hold_nobody_up(tmp_path: Path) -> None:
    task = scripted_task(tmp_path, **SPOKEN_SLOWLY)
    with serving(task) as (service, weight):
        deaf = [say_and_never_read(task) for _ in range(10)]
        callers(task, 40, each=2)
        weight.now("40 callers beside 10 that never read")
        assert len(without_name(service.pid)) == 1, "what waits is in one file"
        for one in deaf:
            one.close()
        while service.ask("status")["queue"]:
            service.ask("synthesize", text="One more.")
        weight.now("they are gone")
        callers(task, 40, each=2)
        assert without_name(service.pid) == []


def test_a_hundred_lines_of_a_mib_without_their_ends_wait_on_disk(tmp_path: Path) -> None:
    task = scripted_task(tmp_path)
    begun = b'{"jsonrpc":"2.0","id":1,"method":"status","params":{"text":"' + b"x" * (MIB - 1000)
    with serving(task) as (service, weight):
        rude = [knock(task) for _ in range(100)]
        for one in rude:
            one.sendall(begun)
        callers(task, 10, each=2)
        weight.now("100 long lines begun")
        rude[0].sendall(b'"}}\n')
        with rude[0].makefile("rb") as answers:
            assert b"unknown field `text`" in answers.readline(), "it came whole"
        for one in rude:
            one.close()
        callers(task, 10, each=2)
        weight.now("they are gone")
        assert without_name(service.pid) == []


def test_a_standard_output_that_is_not_read_costs_no_memory_either(tmp_path: Path) -> None:
    task = scripted_task(tmp_path, **SPOKEN_SLOWLY)
    with serving(task) as (service, weight), service.unread():
        for _ in range(8):
            service.begin("synthesize", {"text": LONG, "audio": "inline"})
        callers(task, 10, each=2)
        weight.now("8 utterances unread")


def test_a_thousand_readers_that_vanish_leave_no_more_than_a_hundred(tmp_path: Path) -> None:
    task = scripted_task(tmp_path, **SPOKEN_SLOWLY)

    def vanish(fifties: int) -> None:
        for _ in range(fifties):  # no more may knock at once than a socket lets wait
            for _ in range(50):
                with knock(task) as gone:
                    gone.sendall(line(1, "synthesize", text=LONG, audio="inline") + line(2, "jobs/list"))
            service.ask("synthesize", text="One that stays.")

    with serving(task) as (service, weight):
        vanish(2)
        before = weight.now("100 vanished")
        vanish(18)
        assert weight.now("1,000 vanished") - before < NOISE_BYTES


def test_ten_jobs_weigh_no_more_than_one(tmp_path: Path) -> None:
    task = scripted_task(tmp_path)
    task.text.write_text(paragraphs(20), "utf-8")
    with serving(task) as (service, weight):
        before = 0
        jobs = [
            str(service.ask("jobs/submit", inputs=[task.text.name], output=f"{number}.wav")["job"])
            for number in range(10)
        ]
        for job in jobs:
            service.wait_for(job, "done")
            before = before or weight.now("one done")
        assert weight.now("ten done") - before < NOISE_BYTES
