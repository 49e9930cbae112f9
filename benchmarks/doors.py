"""What the door costs: a request over standard input and output beside the same one asked within the process.

    python -m benchmarks.doors [--requests 1000] [--callers 20] [--repeats 3]

Both sides are the whole service with the scripted engine, which takes no time: on one side the requests come
as lines of JSON through two pipes, on the other the same core is called where it runs. They take turns in
one run. Costs are processor time of the service's own process, as the kernel counts it, without its children.
Both sides must give the same audio.
"""

import argparse
import asyncio
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from supervisor.loop.house import House

ROOT = Path(__file__).parents[1]

#: Spoken before anything is counted: imports, caches, the first child.
WARM_UP = 100

#: One client may have 256 requests in flight; some are spoken, or not begun.
WAITING = 250

#: A sentence of a hundred characters, as a client of an assistant sends them.
WAITING_TEXT = (
    "A sentence of a hundred characters, which is about as long as one that is spoken aloud by anyone."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of a number of requests.

    Attributes:
        cpu_us: Processor time of the service's own process for each, in microseconds.
        wall_us: Time for each, likewise.
        sha256: Of all the audio, or of nothing.
    """

    cpu_us: float
    wall_us: float
    sha256: str = ""


def cpu_s(pid: int) -> float:
    """Return what all threads of a process ran, in seconds: the scheduler's own nanoseconds."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text("ascii").split()[0]) for task in tasks) / 1e9


def rss_bytes(pid: int) -> int:
    """Return the pages of a process that are in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def text_of(number: int) -> str:
    """Return what a request says."""
    return f"Request {number % 97} is this one."


# ------------------------------------------------------------------ through the door


class Door:
    """A service over two pipes, asked by one client that always has so many requests in flight."""

    def __init__(self, folder: Path, sets: Mapping[str, str]) -> None:
        given = {"engine.name": '"scripted"', "log.level": '"error"'} | dict(sets)
        words = [word for key, value in given.items() for word in ("--set", f"{key}={value}")]
        self._popen = subprocess.Popen(
            [*(sys.executable, "-m", "supervisor", "--state", str(folder)), *words, "serve", "--stdio"],
            env=os.environ | {"PYTHONPATH": str(ROOT), "XDG_RUNTIME_DIR": str(folder.parent)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.pid = self._popen.pid

    def answers(self, requests: Iterable[Mapping[str, object]], *, in_flight: int) -> list[dict[str, object]]:
        """Ask each; return the results in the order of the requests."""
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        lines = self._lines(requests)
        found: dict[int, dict[str, object]] = {}
        asked = 0
        for _, line in zip(range(in_flight), lines, strict=False):
            self._popen.stdin.write(line)
            asked += 1
        self._popen.stdin.flush()
        while len(found) < asked:
            answer = json.loads(self._popen.stdout.readline())
            if "id" not in answer:
                continue
            if "result" not in answer:
                raise SystemExit(f"a request was refused: {answer}")
            found[answer["id"]] = answer["result"]
            if (line := next(lines, None)) is not None:
                self._popen.stdin.write(line)
                self._popen.stdin.flush()
                asked += 1
        return [found[number] for number in sorted(found)]

    @staticmethod
    def _lines(requests: Iterable[Mapping[str, object]]) -> Iterator[bytes]:
        for number, request in enumerate(requests):
            yield json.dumps({"jsonrpc": "2.0", "id": number, **request}).encode() + b"\n"

    def cost(self, requests: list[dict[str, object]], *, in_flight: int) -> Cost:
        """Ask all of them and return what each cost."""
        begun_s, ran_s = time.monotonic(), cpu_s(self.pid)
        results = self.answers(requests, in_flight=in_flight)
        each_us = 1e6 / len(requests)
        return Cost(
            cpu_us=(cpu_s(self.pid) - ran_s) * each_us,
            wall_us=(time.monotonic() - begun_s) * each_us,
            sha256=digest(str(result.get("sha256")) for result in results),
        )

    def begin(self, requests: Iterable[Mapping[str, object]]) -> None:
        """Ask each and wait for none."""
        assert self._popen.stdin is not None
        for number, request in enumerate(requests):
            line = {"jsonrpc": "2.0", "id": f"w{number}", **request}
            self._popen.stdin.write(json.dumps(line).encode() + b"\n")
        self._popen.stdin.flush()

    def end(self) -> None:
        """End it at once."""
        self._popen.kill()
        self._popen.communicate()


@contextmanager
def door(folder: Path, sets: Mapping[str, str]) -> Generator[Door]:
    """Start a service, warm it up, and end it after."""
    opened = Door(folder, sets)
    try:
        opened.answers(map(speech, range(WARM_UP)), in_flight=20)
        yield opened
    finally:
        opened.end()


def speech(number: int) -> dict[str, object]:
    """Return a request for an utterance."""
    return {"method": "synthesize", "params": {"text": text_of(number)}}


def digest(hashes: Iterable[str]) -> str:
    """Return one hash of many."""
    return hashlib.sha256(" ".join(hashes).encode()).hexdigest()


# ------------------------------------------------------------------ without it


class NoDoor:
    """What stands in a door's place: so many callers on the service's own loop."""

    def __init__(self, house: "House", requests: int, callers: int, tell: Callable[[Cost], None]) -> None:
        self._house = house
        self._requests = requests
        self._callers = callers
        self._tell = tell
        self._task = asyncio.get_running_loop().create_task(self._drive())

    async def _drive(self) -> None:
        await self._speak(WARM_UP)
        begun_s, ran_s = time.monotonic(), cpu_s(os.getpid())
        hashes = await self._speak(self._requests)
        each_us = 1e6 / self._requests
        self._tell(
            Cost(
                cpu_us=(cpu_s(os.getpid()) - ran_s) * each_us,
                wall_us=(time.monotonic() - begun_s) * each_us,
                sha256=digest(hashes),
            )
        )
        await self._house.shutdown()

    async def _speak(self, count: int) -> list[str]:
        from supervisor.loop.speaking import SpeechRequest  # noqa: PLC0415 - the measured process alone

        numbers = iter(range(count))
        hashes = [""] * count

        async def call() -> None:
            for number in numbers:
                spoken = await self._house.synthesize(SpeechRequest(text=text_of(number)))
                hashes[number] = spoken.sha256

        await asyncio.gather(*(call() for _ in range(self._callers)))
        return hashes

    async def close(self) -> None:
        """Wait until all is said."""
        await asyncio.gather(self._task, return_exceptions=True)


def serve_without_a_door(folder: Path, requests: int, callers: int) -> None:
    """Be the side without a door; print what it cost."""
    from supervisor.config import load_config  # noqa: PLC0415 - the measured process alone
    from supervisor.edge.statefolder import StateFolder  # noqa: PLC0415 - likewise
    from supervisor.log import Log  # noqa: PLC0415 - likewise
    from supervisor.loop.serve import run_service  # noqa: PLC0415 - likewise

    config = load_config(sets=['engine.name="scripted"'], environ={})

    async def open_doors(house: "House") -> NoDoor:
        return NoDoor(house, requests, callers, lambda cost: print(json.dumps(asdict(cost))))

    run_service(
        config=config,
        state=StateFolder(folder),
        log=Log(format="json", level="error", write=lambda _: None),
        show=lambda _: None,
        open_doors=open_doors,
        read_again=lambda: config,
    )


def without_a_door(folder: Path, requests: int, callers: int) -> Cost:
    """Have the other side run in a process of its own."""
    words = ["--core", str(folder), "--requests", str(requests), "--callers", str(callers)]
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.doors", *words],
        cwd=ROOT,
        env=os.environ | {"XDG_RUNTIME_DIR": str(folder.parent)},
        stdout=subprocess.PIPE,
        check=True,
    )
    return Cost(**json.loads(ran.stdout))


# ------------------------------------------------------------------ the comparison


def waiting_bytes(folder: Path) -> float:
    """Return what one request that waits adds to the memory of the service."""
    sets = {"engine.faults.poison": '{ stall = "hang" }', "child.stall_s": "600", "queue.max_waiting": "1000"}
    with door(folder, sets) as held:
        before_bytes = rss_bytes(held.pid)
        texts = ["All wait for a stall.", *[WAITING_TEXT] * WAITING]
        held.begin({"method": "synthesize", "params": {"text": text}} for text in texts)
        while held.answers([{"method": "status"}], in_flight=1)[0]["queue"] != WAITING:
            pass  # the last of them have not begun yet
        return (rss_bytes(held.pid) - before_bytes) / WAITING


def compare(folder: Path, *, requests: int, callers: int, repeats: int) -> dict[str, object]:
    """Measure both sides in turn, and the rest beside them, and return the figures."""
    through: list[Cost] = []
    within: list[Cost] = []
    alone: list[Cost] = []
    bursts: list[Cost] = []
    asked = [speech(number) for number in range(requests)]
    statuses: list[dict[str, object]] = [{"method": "status"}] * (5 * requests)
    for turn in range(repeats):
        state = folder / f"{turn}"
        with door(state / "door", {}) as opened:
            through.append(opened.cost(asked, in_flight=callers))
            alone.append(opened.cost(statuses, in_flight=1))
            bursts.append(opened.cost(statuses, in_flight=100))
        within.append(without_a_door(state / "core", requests, callers))
        print(f"  {turn + 1}. {through[-1].cpu_us:.0f} us, {within[-1].cpu_us:.0f} us", file=sys.stderr)
    pairs = [(door.cpu_us, core.cpu_us) for door, core in zip(through, within, strict=True)]
    ratios = sorted(door_us / core_us for door_us, core_us in pairs)
    kept_bytes = [waiting_bytes(folder / f"{turn}" / "waiting") for turn in range(repeats)]
    return {
        "requests": requests,
        "callers": callers,
        "synthesize_cpu_us": [round(cost.cpu_us) for cost in through],
        "without_a_door_cpu_us": [round(cost.cpu_us) for cost in within],
        "ratio": round(statistics.median(ratios), 3),
        "ratio_least_most": [round(ratios[0], 3), round(ratios[-1], 3)],
        "door_cpu_us": round(statistics.median(door_us - core_us for door_us, core_us in pairs)),
        "synthesize_wall_us": [round(cost.wall_us) for cost in through],
        "without_a_door_wall_us": [round(cost.wall_us) for cost in within],
        "status_cpu_us": [round(cost.cpu_us) for cost in alone],
        "status_in_bursts_cpu_us": [round(cost.cpu_us) for cost in bursts],
        "waiting_request_bytes": [round(each_bytes) for each_bytes in kept_bytes],
        "same_audio": len({cost.sha256 for cost in (*through, *within)}) == 1,
    }


def main() -> int:
    """Read the command line; exit 1 if the two sides do not give the same audio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--callers", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--core", type=Path, metavar="FOLDER", help="be the side without a door")
    args = parser.parse_args()
    if args.core is not None:
        serve_without_a_door(args.core, args.requests, args.callers)
        return 0
    with tempfile.TemporaryDirectory(prefix="doors-", dir=os.environ.get("TMPDIR")) as folder:
        figures = compare(Path(folder), requests=args.requests, callers=args.callers, repeats=args.repeats)
    print(json.dumps(figures, indent=2))
    return 0 if figures["same_audio"] else 1


if __name__ == "__main__":
    sys.exit(main())
