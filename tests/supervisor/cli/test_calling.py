"""Who asks a service waits while it is alive, not when it is stopped, and hears why it is refused."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from supervisor.cli import calling
from supervisor.cli.calling import Caller, NotOffered, call, is_answer
from supervisor.cli.parser import parse
from supervisor.edge.runtimefolder import NoService, connect, open_control_socket
from supervisor.errors import SupervisorError, TryLater
from supervisor.loop.service import GivenBack, Status
from tests.supervisor.cli.lines_service import Json, lines_service, note, result
from tests.tree import ROOT

STATUS = b'{"state":"idle","child":null,"queue":0,"lives":[],"totals":{}}'
GIVEN = b'{"before_bytes":9,"after_bytes":4,"took_s":0.5}'


@contextmanager
def server(path: Path, *answers: bytes) -> Generator[None]:
    """Serve one client: a prepared answer for each line that comes, then the end."""
    place = open_control_socket(path.parent, {}, path)

    def serve() -> None:
        client, _ = place.socket.accept()
        # Who asked may have had enough.
        with client, client.makefile("rb") as lines, suppress(ConnectionError):
            for answer in answers:
                lines.readline()
                client.sendall(answer)

    with closing(place):
        place.socket.setblocking(True)
        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join()


@contextmanager
def caller(path: Path) -> Generator[Caller]:
    with Caller(connect(path.parent, {}, path, limit_s=5), str(path)) as found:
        yield found


def answer(number: int, result: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","id":%d,"result":%b}\n' % (number, result)


def test_an_answer_is_read(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with server(path, answer(1, STATUS)), caller(path) as service:
        assert service.pid == os.getpid()
        assert service.ask("status", Status, limit_s=5).state == "idle"


def test_who_waits_long_asks_now_and_then_whether_the_service_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calling, "PROMPT_S", 0.05)
    path = tmp_path / "s.sock"
    signs = [b"", answer(2, STATUS), answer(3, STATUS), answer(4, STATUS) + answer(1, GIVEN)]
    with server(path, *signs), caller(path) as service:
        assert service.ask("memory/clean", GivenBack, limit_s=5).before_bytes == 9


def test_an_answer_at_once_is_not_asked_after(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with server(path, answer(1, GIVEN)), caller(path) as service:
        assert service.ask("memory/clean", GivenBack, limit_s=5).after_bytes == 4


def test_what_takes_longer_than_the_limit_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calling, "PROMPT_S", 0.05)
    path = tmp_path / "s.sock"
    signs = [b"", *(answer(number, STATUS) for number in range(2, 9))]
    with server(path, *signs), caller(path) as service:
        with pytest.raises(TryLater, match=r"still at work on it after 0\.1 s.*--timeout"):
            service.ask("child/recycle", GivenBack, limit_s=0.1)
        service.__exit__(None, None, None)


def test_a_service_that_says_nothing_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    silent = rf"process {os.getpid()}, does not answer within 0\.05 s"
    with (
        closing(open_control_socket(tmp_path, {}, path)),
        caller(path) as service,
        pytest.raises(TryLater, match=silent),
    ):
        service.ask("status", Status, limit_s=0.05)


SERVE = """
import sys
from pathlib import Path
from supervisor.edge.runtimefolder import open_control_socket
place = open_control_socket(Path("/state"), {}, Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""


def test_a_service_that_is_stopped_is_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, str(path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        try:
            with caller(path) as service, pytest.raises(TryLater, match=rf"kill -CONT {process.pid}"):
                service.ask("status", Status, limit_s=0.05)
        finally:
            process.kill()


def test_a_service_that_is_stopped_is_waited_for_no_longer_than_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with closing(open_control_socket(tmp_path, {}, path)), caller(path) as service:
        begun_s = time.monotonic()
        with pytest.raises(TryLater, match=r"does not answer within 0\.3 s"):
            service.ask("child/recycle", GivenBack, limit_s=0.3)
        assert time.monotonic() - begun_s < calling.PROMPT_S


def test_a_service_that_ends_before_it_answers_is_said_to_have(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with (
        server(path, b'{"jsonrpc":'),
        caller(path) as service,
        pytest.raises(NoService, match="ended before"),
    ):
        service.ask("status", Status, limit_s=5)


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        (
            b'{"id":1,"error":{"code":9,"message":"no child","data":{"kind":"busy","retryable":true}}}',
            TryLater,
            "no child",
        ),
        (b'{"id":1,"error":{"code":-32603,"message":"a bug"}}', SupervisorError, "a bug"),
        (b'{"id":null,"error":{"code":4,"message":"only the owner"}}', SupervisorError, "only the owner"),
        (b'{"id":1,"result":{"state":7}}', SupervisorError, "use the same version"),
        (b"SSH-2.0-OpenSSH_9.6", SupervisorError, "not ours"),
    ],
)
def test_what_a_service_refuses_or_does_not_understand_is_said(
    tmp_path: Path, said: bytes, kind: type[SupervisorError], words: str
) -> None:
    path = tmp_path / "s.sock"
    with server(path, said + b"\n"), caller(path) as service, pytest.raises(kind, match=words) as caught:
        service.ask("status", Status, limit_s=5)
    assert isinstance(caught.value, TryLater) == (kind is TryLater)


def test_a_line_without_end_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    place = open_control_socket(tmp_path, {}, path)

    def pour(client: socket.socket) -> None:
        with client:
            try:
                while True:
                    client.sendall(b"x" * 2**20)
            except OSError:
                return  # the one who asked has had enough

    with closing(place):
        connection = connect(tmp_path, {}, path, limit_s=5)
        place.socket.setblocking(True)
        client, _ = place.socket.accept()
        thread = threading.Thread(target=pour, args=(client,))
        thread.start()
        with Caller(connection, str(path)) as service, pytest.raises(SupervisorError, match="without end"):
            service.ask("status", Status, limit_s=15)
        thread.join()


def test_the_socket_that_the_command_line_names_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with server(path, answer(1, STATUS)):
        args = parse(["--state", str(tmp_path / "other"), "status", "--socket", str(path)])
        with call(args) as service:
            assert service.ask("status", Status, limit_s=5).queue == 0


def test_without_a_service_the_state_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoService, match=f"for the state folder {tmp_path}"):
        call(parse(["--state", str(tmp_path), "status"]))


def test_params_go_over_and_a_method_that_is_none_is_told_from_other_refusals(tmp_path: Path) -> None:
    def answering(request: Json) -> list[Json]:
        if request["method"] == "jobs/get":
            return [result(request, before_bytes=len(str(request["params"])), after_bytes=0, took_s=0.0)]
        error = {"code": -32601, "message": "no method"}
        return [{"jsonrpc": "2.0", "id": request["id"], "error": error}]

    with lines_service(tmp_path / "s", answering), caller(tmp_path / "s") as service:
        given = service.ask("jobs/get", GivenBack, limit_s=5, params={"job": "j1"})
        assert given.before_bytes == len("{'job': 'j1'}")
        with pytest.raises(NotOffered, match="no method"):
            service.ask("jobs/sing", GivenBack, limit_s=5)


def test_what_is_heard_comes_one_by_one_and_another_descriptor_ends_the_waiting(tmp_path: Path) -> None:
    def answering(request: Json) -> list[Json]:
        return [note("j1", "stage", name="planning", detail=""), result(request, state="done")]

    read_fd, write_fd = os.pipe()
    with lines_service(tmp_path / "s", answering), caller(tmp_path / "s") as service:
        os.write(write_fd, b"!")
        assert service.hear(5, read_fd) is None
        os.read(read_fd, 1)
        assert service.hear(0.01, read_fd) is None
        number = service.send("jobs/watch", {"job": "j1"})
        told, answered = service.hear(5, read_fd), service.hear(5)
        assert told is not None
        assert answered is not None
        assert (told.method, is_answer(answered, number), is_answer(told, number)) == (
            "job/note",
            True,
            False,
        )
    os.close(read_fd)
    os.close(write_fd)


def test_another_connection_leads_to_the_same_service_and_outlives_the_first(tmp_path: Path) -> None:
    with lines_service(tmp_path / "s", lambda request: [result(request)]) as asked:
        with caller(tmp_path / "s") as service:
            other = service.another()
        with other, other.makefile("rwb") as lines:
            lines.write(b'{"id": 7, "method": "ping"}\n')
            lines.flush()
            assert b'"id": 7' in lines.readline()
        assert asked == ["ping"]


def test_who_hears_the_service_end_is_told(tmp_path: Path) -> None:
    with lines_service(tmp_path / "s", lambda _: None), caller(tmp_path / "s") as service:
        service.send("ping")
        with pytest.raises(NoService, match="ended"):
            service.hear(5)
