"""A real `tts-supervisor serve --http`, and what its clients need of it."""

import json
import os
import signal
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from types import TracebackType
from typing import Self

from openai import OpenAI

from tests.processes.narration import PATIENCE_S, Task
from tests.processes.serving import Json, fields


class HttpServing:
    """One service, from its start to its end; a thread reads its log.

    Attributes:
        pid: Of the parent.
        port: That it listens on.
        seen: Every line of its log so far.
        key: That `call` sends; empty = none.
    """

    def __init__(self, task: Task, *more: str, where: str = "127.0.0.1:0", **env: str) -> None:
        self._popen = subprocess.Popen(
            task.words("serve", "--http", where, *more, level="info"),
            env=task.whole_env() | env,
            cwd=task.text.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self.pid = self._popen.pid
        self.port = 0
        self.key = ""
        self.seen: list[Json] = []
        self._clients: list[OpenAI] = []
        self._moved = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def opened(self) -> None:
        """Wait until it listens, whether or not there is a child."""
        opened = self.until(lambda one: str(one.get("where", "")).startswith("http://"))
        self.port = int(str(opened["where"]).rpartition(":")[2])

    def __enter__(self) -> Self:
        self.opened()
        self.until(lambda one: one.get("event") == "child.state" and one.get("state") == "ready")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients:
            client.close()
        if self._popen.poll() is None:
            self._popen.kill()
        self._popen.wait(PATIENCE_S)
        self._thread.join(PATIENCE_S)
        assert self._popen.stderr is not None
        self._popen.stderr.close()

    def until(self, is_wanted: Callable[[Json], bool], *, after: int = 0) -> Json:
        """Wait for a line of the log, of those from `after` on, and return it."""
        with self._moved:
            found: list[Json] = []

            def there() -> bool:
                found[:] = [one for one in self.seen[after:] if is_wanted(one)]
                return bool(found) or self._ended

            assert self._moved.wait_for(there, PATIENCE_S), self.seen[-5:]
            assert found, self.seen[-5:]
            return found[0]

    def _read(self) -> None:
        assert self._popen.stderr is not None
        for line in self._popen.stderr:
            try:
                said = fields(json.loads(line))
            except ValueError:
                said = {"stray": line.decode("utf-8", "replace")}
            with self._moved:
                self.seen.append(said)
                self._moved.notify_all()
        with self._moved:
            self._ended = True
            self._moved.notify_all()

    # ------------------------------------------------------------------ asking

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def openai(self, **options: object) -> OpenAI:
        """The official client; it asks once, so that what it is told is seen."""
        given = {"api_key": "none", "max_retries": 0, "timeout": PATIENCE_S} | options
        client = OpenAI(base_url=f"{self.url}/v1", **given)  # pyright: ignore[reportArgumentType] -- options by name
        self._clients.append(client)
        return client

    def get(self, path: str) -> tuple[int, bytes]:
        """What a path answers."""
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=PATIENCE_S) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def call(self, method: str, **params: object) -> Json:
        """The answer of a method of JSON-RPC."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        headers = {"content-type": "application/json"} | ({"x-api-key": self.key} if self.key else {})
        asked = urllib.request.Request(f"{self.url}/rpc", data=body, headers=headers)
        with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:
            return fields(json.loads(answer.read()))

    def status(self) -> Json:
        return fields(self.call("status")["result"])

    # ------------------------------------------------------------------ ending

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def exit_code(self) -> int:
        code = self._popen.wait(PATIENCE_S)
        self._thread.join(PATIENCE_S)
        return code
