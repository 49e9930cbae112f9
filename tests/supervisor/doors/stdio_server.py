"""A whole service on standard input and output: the door of `serve --stdio` with a service in memory.

`--loud`: all that a process can print is printed, all the time, and a child of it reads its standard input.
"""

import asyncio
import ctypes
import os
import subprocess
import sys
from pathlib import Path

from supervisor.doors.offer import service_methods
from supervisor.doors.stdio import StdioDoor
from supervisor.doors.streams import Streams, claim_streams
from supervisor.log import Log
from tests.supervisor.doors.memory_service import memory_service

STRAY = "a stray line"


def print_everywhere() -> None:
    """Write to standard output in each way there is."""
    print(STRAY, "of print", flush=True)  # noqa: T201 - what libraries do
    os.write(1, f"{STRAY} of write\n".encode())
    libc = ctypes.CDLL(None)
    libc.puts(f"{STRAY} of C".encode())
    libc.fflush(None)
    subprocess.run(["/bin/sh", "-c", f"echo {STRAY} of a child; cat"], check=True)


def to_stderr(line: str) -> None:
    os.write(2, line.encode() + b"\n")


async def serve(streams: Streams, folder: Path, *, loud: bool) -> None:
    log = Log(format="text", level="info", write=to_stderr)
    async with memory_service(folder) as service:
        methods = service_methods(service, log, folder=folder)
        door = StdioDoor(methods, streams, log)
        if loud:
            print_everywhere()
            service.speaks = print_everywhere
        door.open()
        ending = await door.ended()
        await service.shutdown()
        await door.close()
        await methods.close()
        log.event("run.ended", why=ending)


if __name__ == "__main__":
    asyncio.run(serve(claim_streams(), Path(sys.argv[1]), loud="--loud" in sys.argv))
