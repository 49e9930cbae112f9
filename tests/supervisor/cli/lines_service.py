"""A service made of what it answers: a thread behind a real socket, for tests of those who ask."""

import json
import threading
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import cast

from supervisor.cli.calling import Caller
from supervisor.edge.runtimefolder import connect, open_control_socket

Json = dict[str, object]

#: Given a request, returns what is said to it; None hangs up.
Answering = Callable[[Json], list[Json] | None]


def result(request: Json, **fields: object) -> Json:
    return {"jsonrpc": "2.0", "id": request["id"], "result": fields}


def refusal(request: Json, kind: str, message: str, *, retryable: bool = False) -> Json:
    data = {"kind": kind, "retryable": retryable}
    return {"jsonrpc": "2.0", "id": request["id"], "error": {"code": 4, "message": message, "data": data}}


def note(job: str, kind: str, **fields: object) -> Json:
    return {"jsonrpc": "2.0", "method": "job/note", "params": {"job": job, "kind": kind, "note": fields}}


@contextmanager
def lines_service(path: Path, answering: Answering) -> Generator[list[str]]:
    """Serve one client after the other; gives the methods that were asked."""
    asked: list[str] = []
    place = open_control_socket(path.parent, {}, path)
    place.socket.setblocking(True)

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = place.socket.accept()
                with client, client.makefile("rb") as lines, suppress(ConnectionError):
                    for line in lines:
                        request = cast("Json", json.loads(line))
                        asked.append(str(request["method"]))
                        said = answering(request)
                        if said is None:
                            break
                        client.sendall(b"".join(json.dumps(each).encode() + b"\n" for each in said))

    thread = threading.Thread(target=serve, daemon=True)
    with closing(place):
        thread.start()
        yield asked
        place.socket.shutdown(2)
    thread.join()


def caller(path: Path) -> Caller:
    return Caller(connect(path.parent, {}, path, limit_s=5), str(path))
