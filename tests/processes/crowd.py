"""Two hundred who use every door of a service at once, and those among them who behave badly.

Whoever is polite says how he was answered, and whether a whole answer was the right one: the same bytes as
when nobody else was there. Whoever is not breaks off, says nothing, says half, says too much, or never reads.
"""

import asyncio
import base64
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from tests.processes.asking import LONG_PATIENCE_S, Answer, Answers, CutOff, ask, call, connected, request
from tests.processes.everydoor import EveryDoor
from tests.processes.rudeness import SPEECH, be_rude
from tests.processes.serving import Json, Refused, fields
from tests.processes.wyoming_serving import Told, pcm_of, spoken

FORMATS: Final = ("mp3", "opus", "aac", "flac", "wav", "pcm")
TEXTS: Final = tuple(f"Number {number} is at the counter.\n\nIt is her turn." for number in range(4))

PATHS: Final = (
    *("/metrics", "/health", "/v1/audio/voices", "/v1/models", "/openapi.json"),
    *("/", "/page.css", "/page.js"),
)

#: What a full service, one whose child is being replaced, or a door that is full may say: come again.
COME_AGAIN: Final = frozenset({"429 busy", "503 busy", "503 encoding_failed", "busy"})

#: Of a WAV, before its samples: its length is not always known.
_WAV_HEAD_BYTES: Final = 44


def speech(number: int, form: str, *, sse: bool = False) -> Json:
    asked: Json = {"input": TEXTS[number], "seed": number, "response_format": form}
    return asked | ({"stream_format": "sse"} if sse else {})


def audio_of(answer: Answer, form: str, *, sse: bool = False) -> bytes:
    """What is to be heard."""
    body = answer.body
    if sse:
        *deltas, done = answer.events
        if done["type"] != "speech.audio.done":
            return b""
        body = b"".join(base64.b64decode(str(delta["audio"])) for delta in deltas)
    return body[_WAV_HEAD_BYTES:] if form == "wav" else body


@dataclass(slots=True, kw_only=True)
class Right:
    """What the answers are when nobody else is there."""

    speech: dict[tuple[int, str], bytes] = field(default_factory=dict[tuple[int, str], bytes])
    wyoming: dict[int, bytes] = field(default_factory=dict[int, bytes])
    sha256: dict[int, object] = field(default_factory=dict[int, object])


async def alone(service: EveryDoor) -> Right:
    """Ask for everything once."""
    right = Right()
    for number in range(len(TEXTS)):
        for form in FORMATS:
            answer = await ask(service.port, "POST", SPEECH, speech(number, form))
            assert answer.status == 200, answer
            right.speech[number, form] = audio_of(answer, form)
        right.wyoming[number] = pcm_of(await spoken(service.unix, TEXTS[number]))
        said = await call(service.port, "synthesize", text=TEXTS[number], seed=number)
        right.sha256[number] = fields(said["result"])["sha256"]
    return right


class Crowd:
    """Those who are there.

    Args:
        service: That they use.
        right: Of `alone`.
        seed: Of what they choose.

    Attributes:
        ends: How often each end came, by who asked.
        wrong: What was whole, and not what it should be.
    """

    def __init__(self, service: EveryDoor, right: Right, seed: int) -> None:
        self._service = service
        self._right = right
        self._chance = random.Random(seed)
        self._port = service.port
        self._over = asyncio.Event()
        self.ends: Counter[str] = Counter()
        self.wrong: list[str] = []

    async def stay(self, count: int, for_s: float) -> None:
        """Be so many for so long, and go when each has what he asked for last."""
        kinds = [self._speak, self._speak, self._speak, self._look, self._behave_badly, self._talk_wyoming]
        kinds = [*kinds, self._pipeline, self._call, self._watch]
        members = [kinds[number % len(kinds)] for number in range(count - 1)]
        asyncio.get_running_loop().call_later(for_s, self._over.set)
        async with asyncio.TaskGroup() as group:
            for member in [*members, self._ask_by_stdio]:
                group.create_task(self._again(member))

    async def _again(self, member: Callable[[], Awaitable[None]]) -> None:
        while not self._over.is_set():
            await member()
            # Nobody asks again at once: who is turned away at the door would do nothing else.
            await asyncio.sleep(self._chance.uniform(0.01, 0.3))

    def _saw(self, who: str, end: str) -> None:
        self.ends[f"{who}: {end}"] += 1

    def _check(self, who: str, answer: Answer, is_right: Callable[[Answer], bool]) -> None:
        if answer.status != 200:
            self._saw(who, f"{answer.status} {answer.code}")
            return
        self._saw(who, "right")
        if not is_right(answer):
            self.wrong.append(f"{who}: {answer.headers} {answer.body[:100]!r} ({len(answer.body)} bytes)")

    # ------------------------------------------------------------------ who is polite

    async def _speak(self) -> None:
        number, form = self._chance.randrange(len(TEXTS)), self._chance.choice(FORMATS)
        sse = self._chance.random() < 0.2
        who = "events" if sse else form
        try:
            answer = await ask(self._port, "POST", SPEECH, speech(number, form, sse=sse))
        except CutOff:
            self._saw(who, "cut")
            return
        right = self._right.speech[number, form]
        self._check(who, answer, lambda answer: audio_of(answer, form, sse=sse) == right)

    async def _look(self) -> None:
        path = self._chance.choice(
            [
                "/metrics",
                "/health",
                "/v1/audio/voices",
                "/v1/models",
                "/openapi.json",
                "/",
                "/page.css",
                "/page.js",
            ]
        )
        try:
            answer = await ask(self._port, "GET", path)
        except CutOff:
            self._saw("look", "cut")
            return
        if path == "/health" and answer.status == 503 and b'"error"' not in answer.body:
            self._saw("look", "not ready")
            return
        self._check("look", answer, lambda answer: bool(answer.body))

    async def _pipeline(self) -> None:
        """Ask for three things at once, on one connection."""
        number = self._chance.randrange(len(TEXTS))
        asked = [
            ("GET", "/v1/models", None),
            ("POST", SPEECH, speech(number, "pcm")),
            ("GET", "/openapi.json", None),
        ]
        right = self._right.speech[number, "pcm"]
        try:
            async with asyncio.timeout(LONG_PATIENCE_S), connected(self._port) as (reader, writer):
                writer.write(b"".join(request(method, target, body) for method, target, body in asked))
                answers = Answers(reader)
                for method, target, _ in asked:
                    answer = await answers.next(method)
                    self._check(
                        "pipeline",
                        answer,
                        lambda one, is_audio=target == SPEECH: not is_audio or one.body == right,
                    )
                    if answer.status == 503:
                        return  # turned away: the rest was not heard
        except (CutOff, OSError):
            self._saw("pipeline", "cut")

    async def _call(self) -> None:
        number = self._chance.randrange(len(TEXTS))
        method = self._chance.choice(["status", "jobs/list", "synthesize"])
        params: Json = {"text": TEXTS[number], "seed": number} if method == "synthesize" else {}
        try:
            said = await call(self._port, method, **params)
        except CutOff:
            self._saw("rpc", "cut")
            return
        if "error" in said:
            error = fields(said["error"])
            self._saw(
                "rpc", str(fields(error["data"])["kind"]) if "data" in error else str(error.get("code"))
            )
            return
        self._saw("rpc", "right")
        if method == "synthesize" and fields(said["result"])["sha256"] != self._right.sha256[number]:
            self.wrong.append(f"rpc: {said}")

    async def _watch(self) -> None:
        """Look on for a moment, and leave in the middle of it."""
        try:
            async with asyncio.timeout(LONG_PATIENCE_S), connected(self._port) as (reader, writer):
                writer.write(request("GET", "/api/events"))
                head = await reader.readuntil(b"\r\n\r\n")
                if b" 200 " not in head:
                    self._saw("watch", "busy")
                    return
                for _ in range(self._chance.randrange(1, 20)):
                    await reader.readuntil(b"\n\n")
                self._saw("watch", "right")
        except (asyncio.IncompleteReadError, OSError):
            self._saw("watch", "cut")

    async def _talk_wyoming(self) -> None:
        number = self._chance.randrange(len(TEXTS))
        uri = self._chance.choice([self._service.tcp, self._service.unix])
        try:
            heard = pcm_of(await spoken(uri, TEXTS[number]))
        except Told as told:
            self._saw("wyoming", told.code or "?")
        except (OSError, AssertionError):
            # The door is full and hangs up before it hears.
            self._saw("wyoming", "cut")
        else:
            if not heard:
                self._saw("wyoming", "cut")
                return
            self._saw("wyoming", "right")
            if heard != self._right.wyoming[number]:
                self.wrong.append(f"wyoming: {number}, {len(heard)} bytes")

    async def _behave_badly(self) -> None:
        self._saw("rude", await be_rude(self._service, self._chance))

    async def _ask_by_stdio(self) -> None:
        number = self._chance.randrange(len(TEXTS))
        try:
            said = await asyncio.to_thread(
                self._service.stdio.ask, "synthesize", text=TEXTS[number], seed=number
            )
        except Refused as refused:
            self._saw("stdio", refused.kind)
            return
        self._saw("stdio", "right")
        if said["sha256"] != self._right.sha256[number]:
            self.wrong.append(f"stdio: {said}")
