"""The control socket asks the service once however many ask, refuses strangers, and leaves nothing behind."""

import asyncio
import gc
import os
import socket
import stat
import subprocess
import sys
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from supervisor.doors import control
from supervisor.doors.connection import Connection
from supervisor.doors.control import MOST_CONNECTIONS, open_control, open_door
from supervisor.doors.offer import service_methods
from supervisor.edge.runtimefolder import open_control_socket
from supervisor.log import Log
from supervisor.loop.service import NothingToAsk
from tests.supervisor.doors.client import BUSY, PATIENCE_S, Client, House, Steady, open_house
from tests.supervisor.doors.memory_service import MemoryService, memory_service
from tests.supervisor.doors.pipes import until
from tests.tree import ROOT


def error_of(answer: dict[str, object]) -> dict[str, object]:
    return cast("dict[str, object]", answer["error"])


def test_status_is_answered_with_the_fields_of_the_contract(tmp_path: Path) -> None:
    async def ask() -> dict[str, object]:
        async with open_house(tmp_path / "s.sock") as house:
            client = await house.knock()
            client.ask("status")
            return await client.answer()

    result = cast("dict[str, object]", asyncio.run(ask())["result"])
    assert result.keys() >= {"state", "child", "queue", "lives", "totals"}


def test_however_many_ask_it_is_done_once(tmp_path: Path) -> None:
    async def ask() -> tuple[list[str], list[dict[str, object]]]:
        async with open_house(tmp_path / "s.sock") as house:
            clients = [await house.knock() for _ in range(5)]
            for client in clients:
                client.ask("memory/clean")
                client.ask("status")
            for client in clients:
                await client.answer()  # status: so the line before it was taken too
            house.service.ready.set()
            return house.service.asked, [await client.answer() for client in clients]

    asked, answers = asyncio.run(ask())
    assert asked.count("clean") == 1
    assert all("result" in answer for answer in answers)


def test_what_is_asked_again_later_is_done_again(tmp_path: Path) -> None:
    async def ask() -> list[str]:
        async with open_house(tmp_path / "s.sock") as house:
            house.service.ready.set()
            client = await house.knock()
            for _ in range(3):
                client.ask("child/recycle")
                await client.answer()
            return house.service.asked

    assert asyncio.run(ask()) == ["recycle"] * 3


@pytest.mark.parametrize(
    ("refusal", "code", "kind"), [(BUSY, 2, "child_crashed"), (NothingToAsk("no child runs now"), 9, "busy")]
)
def test_why_it_could_not_be_done_is_said(tmp_path: Path, refusal: Exception, code: int, kind: str) -> None:
    async def ask() -> dict[str, object]:
        async with open_house(tmp_path / "s.sock") as house:
            house.service.refusal = refusal
            house.service.ready.set()
            client = await house.knock()
            client.ask("memory/clean")
            return await client.answer()

    error = error_of(asyncio.run(ask()))
    assert error == {"code": code, "message": str(refusal), "data": {"kind": kind, "retryable": True}}


@pytest.mark.parametrize("method", ["status", "memory/clean"])
def test_a_bug_is_the_answer_and_in_the_log_and_the_door_stays_open(tmp_path: Path, method: str) -> None:
    async def ask() -> tuple[dict[str, object], list[str]]:
        async with open_house(tmp_path / "s.sock") as house:
            house.service.broken = house.service.refusal = ZeroDivisionError("a bug")
            house.service.ready.set()
            client = await house.knock()
            client.ask(method)
            answer = await client.answer()
            client.ask("no/such")
            assert error_of(await client.answer())["code"] == -32601
            return answer, house.log

    answer, log = asyncio.run(ask())
    assert error_of(answer) == {"code": -32603, "message": f"{method} failed: ZeroDivisionError: a bug"}
    assert any(" ERROR bug " in line for line in log)


def test_a_client_that_leaves_cancels_nothing_but_its_answer(tmp_path: Path) -> None:
    async def ask() -> dict[str, object]:
        async with open_house(tmp_path / "s.sock") as house:
            rude, patient = await house.knock(), await house.knock()
            rude.ask("memory/clean")
            rude.ask("status")
            await rude.answer()
            await rude.close()
            patient.ask("memory/clean")
            patient.ask("status")
            await patient.answer()
            assert house.service.asked.count("clean") == 1
            house.service.ready.set()
            return await patient.answer()

    assert "result" in asyncio.run(ask())


def test_who_waits_when_the_door_closes_is_told(tmp_path: Path) -> None:
    async def ask() -> dict[str, object]:
        async with open_house(tmp_path / "s.sock") as house:
            client = await house.knock()
            client.ask("child/recycle")
            client.ask("status")
            await client.answer()
            await house.door.close()
            return await client.answer()

    error = error_of(asyncio.run(ask()))
    assert (error["code"], error["data"]) == (10, {"kind": "shutting_down", "retryable": True})


def test_a_door_that_closes_waits_for_nobody_who_reads_nothing(tmp_path: Path) -> None:
    async def ask() -> None:
        async with open_house(tmp_path / "s.sock") as house:
            house.service.lives = 50
            with socket.socket(socket.AF_UNIX) as deaf:
                deaf.connect(str(house.path))
                deaf.sendall(b'{"jsonrpc":"2.0","id":1,"method":"status"}\n' * 200)
                await house.service.was_asked.wait()
                await asyncio.wait_for(house.door.close(), 5)

    asyncio.run(ask())


def test_the_socket_is_its_owners_alone_and_gone_when_the_door_is_closed(tmp_path: Path) -> None:
    async def look() -> int:
        async with open_house(tmp_path / "s.sock") as house:
            return stat.S_IMODE(house.path.stat().st_mode)

    assert asyncio.run(look()) == 0o600
    assert not (tmp_path / "s.sock").exists()


def test_one_more_than_there_may_be_takes_the_place_of_the_one_that_was_silent_longest(
    tmp_path: Path,
) -> None:
    async def ask() -> tuple[bytes, dict[str, object]]:
        async with open_house(tmp_path / "s.sock") as house:
            clients = [await house.knock() for _ in range(MOST_CONNECTIONS)]
            for client in [*clients[1:], clients[0]]:  # the second is the one that spoke first
                client.ask("status")
                await client.answer()
            late = await house.knock()
            late.ask("status")
            return await clients[1].reader.read(), await late.answer()

    let_go, answer = asyncio.run(ask())
    assert let_go == b""
    assert "result" in answer


def test_who_waits_for_an_answer_is_not_let_go_for_another(tmp_path: Path) -> None:
    async def ask() -> tuple[dict[str, object], bytes, list[dict[str, object]]]:
        async with open_house(tmp_path / "s.sock") as house:
            clients = [await house.knock() for _ in range(MOST_CONNECTIONS)]
            for client in clients:
                client.ask("memory/clean", 1)
                client.ask("status", 2)
                await client.answer()
            late = await house.knock()
            refused, end = await late.answer(), await late.reader.read()
            house.service.ready.set()
            return refused, end, [await client.answer() for client in clients]

    refused, end, answers = asyncio.run(ask())
    assert (refused["id"], error_of(refused)["code"], end) == (None, 9, b"")
    assert all("result" in answer for answer in answers)


# ------------------------------------------------------------------ who may

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

NOBODY = 65534


async def knock_as(uid: int, path: Path) -> bytes:
    """Return what another user reads who asks for the status, or `no permission`."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # The fork makes system calls and leaves: threads that this process may have are nothing to it.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        try:
            os.setresuid(uid, uid, uid)
            os.write(writer, _knock(path))
        finally:
            os._exit(0)
    os.close(writer)
    heard = asyncio.get_running_loop().run_in_executor(None, os.read, reader, 65536)
    try:
        return await asyncio.wait_for(heard, PATIENCE_S)
    finally:
        os.close(reader)
        os.waitpid(pid, 0)  # noqa: ASYNC222 - it has hung up, or is about to


def _knock(path: Path) -> bytes:
    knock = socket.socket(socket.AF_UNIX)
    knock.settimeout(PATIENCE_S)
    try:
        knock.connect(str(path))
    except PermissionError:
        return b"no permission"
    knock.sendall(b'{"jsonrpc":"2.0","id":1,"method":"status"}\n')
    return b"".join(iter(lambda: knock.recv(65536), b""))


@as_root
def test_another_user_cannot_open_the_socket(open_folder: Path) -> None:
    async def ask() -> bytes:
        async with open_house(open_folder / "s.sock") as house:
            return await knock_as(NOBODY, house.path)

    assert asyncio.run(ask()) == b"no permission"


@as_root
def test_another_user_to_whom_the_file_was_opened_is_refused_all_the_same(open_folder: Path) -> None:
    async def ask() -> tuple[bytes, list[str], list[str]]:
        async with open_house(open_folder / "s.sock") as house:
            house.path.chmod(0o666)
            return await knock_as(NOBODY, house.path), house.service.asked, house.log

    out, asked, log = asyncio.run(ask())
    assert b"only the owner" in out
    assert out.count(b"\n") == 1
    assert asked == []
    assert any("door.refused uid=65534" in line for line in log)


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """A folder that every user can enter, so that the socket alone is what stops them."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    return tmp_path


# ------------------------------------------------------------------ nothing is left


def held() -> tuple[int, int]:
    gc.collect()
    return len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks())  # noqa: PTH208 - names alone are counted


def test_a_hundred_of_each_in_a_row_leave_nothing_in_the_parent(tmp_path: Path) -> None:
    async def once(house: House, method: str) -> None:
        client = await house.knock()
        client.ask(method)
        await client.answer()
        await client.close()
        house.clients.remove(client)

    async def round_of(house: House) -> None:
        for method in ("status", "memory/clean", "child/recycle"):
            for _ in range(100):
                await once(house, method)

    async def ask() -> None:
        async with open_house(tmp_path / "s.sock") as house:
            house.service.ready.set()
            await round_of(house)
            before, bytes_before = held(), private_bytes()
            for _ in range(3):
                await round_of(house)
            assert held() == before
            assert private_bytes() - bytes_before < 512 * 1024

    asyncio.run(ask())


def private_bytes() -> int:
    figures = Path("/proc/self/smaps_rollup").read_text("ascii").split()
    return int(figures[figures.index("Private_Dirty:") + 1]) * 1024


def test_clients_that_ask_and_leave_again_and_again_are_forgotten(tmp_path: Path) -> None:
    async def leave(client: Client) -> None:
        client.ask("memory/clean", 1)
        client.ask("status", 2)
        await client.answer()
        await client.close()

    async def ask() -> None:
        async with open_house(tmp_path / "s.sock") as house:
            await leave(await house.knock())
            house.clients.clear()
            await asyncio.sleep(0)
            before = held()
            for _ in range(100):
                await leave(await house.knock())
                house.clients.clear()
            async with asyncio.timeout(PATIENCE_S):
                while held() != before:  # noqa: ASYNC110 - the door learns of the last one's leaving a turn later
                    await asyncio.sleep(0)
            assert house.service.asked.count("clean") == 1
            gc.collect()
            assert sum(isinstance(one, Connection) for one in gc.get_objects()) <= 1

    asyncio.run(ask())


def test_a_door_that_cannot_open_leaves_no_socket(tmp_path: Path) -> None:
    place = open_control_socket(tmp_path, {}, tmp_path / "s.sock")
    place.socket.close()
    log = Log(format="text", level="error")
    with pytest.raises((OSError, ValueError)):
        asyncio.run(_open(place_log=(place, log)))
    assert not place.path.exists()


async def _open(place_log: tuple[control.ControlSocket, Log]) -> None:
    await open_control(Steady(), *place_log)


WEIGH = """
import asyncio, sys
import supervisor.loop
def private():
    figures = open("/proc/self/smaps_rollup").read().split()
    return int(figures[figures.index("Private_Dirty:") + 1])
before = private()
modules = set(sys.modules)
import supervisor.doors.control
print(private() - before, *sorted(set(sys.modules) - modules))
"""


def test_the_door_weighs_next_to_nothing() -> None:
    seen = subprocess.run([sys.executable, "-c", WEIGH], cwd=ROOT, capture_output=True, check=True, text=True)
    kib, *modules = seen.stdout.split()
    assert int(kib) < 1536
    assert [name for name in modules if not name.startswith("supervisor.")] == []


# ------------------------------------------------------------------ in front of a service that stays


@asynccontextmanager
async def served(folder: Path) -> AsyncGenerator[tuple[MemoryService, Callable[[], Awaitable[Client]]]]:
    """Open the control socket of a whole service; clients are let go after."""
    log = Log(format="text", level="error", write=lambda _: None)
    async with memory_service(folder) as service:
        place = open_control_socket(folder, {}, folder / "s.sock")
        door = await open_door(service_methods(service, log, folder=folder), place, log)
        clients: list[Client] = []

        async def knock() -> Client:
            reader, writer = await asyncio.open_unix_connection(place.path, limit=4 * 1024 * 1024)
            clients.append(Client(reader, writer))
            return clients[-1]

        try:
            yield service, knock
        finally:
            await door.close()
            for client in clients:
                await client.close()


def test_a_service_that_stays_is_asked_all_the_same_over_its_socket(tmp_path: Path) -> None:
    async def ask() -> tuple[dict[str, object], list[dict[str, object]]]:
        async with served(tmp_path) as (_, knock):
            client, watcher = await knock(), await knock()
            client.ask("synthesize", 1, params={"text": "One.", "audio": "inline"})
            chunk = await client.answer()
            assert "result" in await client.answer()
            client.ask("jobs/submit", 2, params={"text": "One.", "output": "a.wav"})
            lines = [await client.answer() for _ in range(3)]
            watcher.ask("status", 3)
            assert (await watcher.answer())["id"] == 3  # it asked for no notes, and is told none
            return chunk, lines

    chunk, lines = asyncio.run(ask())
    assert chunk["method"] == "audio/chunk"
    assert sorted(str(line.get("method", line.get("id"))) for line in lines) == [
        "2",
        "job/segment",
        "progress",
    ]


def test_a_client_of_a_socket_that_leaves_is_spoken_for_no_more(tmp_path: Path) -> None:
    async def ask() -> int:
        async with served(tmp_path) as (service, knock):
            service.may_go.clear()
            client = await knock()
            client.ask("synthesize", 1, params={"text": "One."})
            client.ask("status", 2)
            await client.answer()
            assert service.now == 1
            await client.close()
            await until(lambda: service.now == 0)
            return service.listeners

    assert asyncio.run(ask()) == 0


def test_one_slow_client_of_many_stalls_nobody(tmp_path: Path) -> None:
    async def ask() -> list[dict[str, object]]:
        async with served(tmp_path) as (service, knock):
            slow, quick = await knock(), await knock()
            slow.reader._transport.pause_reading()  # pyright: ignore - there is no other way to read nothing
            long = "A sentence of fifty characters, or a few more. " * 30
            for number in range(5):
                slow.ask("synthesize", number, params={"text": long, "audio": "inline"})
            # So much audio is unread then that no more of its requests are read.
            await until(lambda: service.asked.count("synthesize") > 0 and not service.now)
            quick.ask("synthesize", 9, params={"text": "One."})
            answer = await quick.answer()
            slow.reader._transport.resume_reading()  # pyright: ignore - see above
            return [answer, *[line for line in await slow.rest() if "result" in line]]

    first, *late = asyncio.run(ask())
    assert "result" in first
    assert sorted(cast("list[int]", [line["id"] for line in late])) == list(range(5))
