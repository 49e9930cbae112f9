"""What a client can do to a service that its doors must bear: each once, over raw sockets."""

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Final

from tests.processes.asking import connected, request
from tests.processes.everydoor import EveryDoor

SPEECH: Final = "/v1/audio/speech"
LONG: Final = "\n\n".join(f"Paragraph {number} of the long night tells of the ferry." for number in range(60))
MIB: Final = 2**20

#: Close at once, with a reset, whatever is still on its way.
_LINGER: Final = struct.pack("ii", 1, 0)

#: For how long who is rude keeps a place.
_FOR_S: Final = (0.1, 2.0)

Rudeness = Callable[[EveryDoor, random.Random], Awaitable[None]]


def _endless(form: str) -> bytes:
    return request("POST", SPEECH, {"input": LONG, "response_format": form})


async def hangs_up_with_a_reset(door: EveryDoor, chance: random.Random) -> None:
    async with connected(door.port) as (reader, writer):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        writer.write(_endless(chance.choice(["pcm", "mp3", "flac"])))
        if chance.random() < 0.7:
            await reader.read(chance.randrange(1, 4000))
        writer.transport.abort()


async def closes_its_half(door: EveryDoor, chance: random.Random) -> None:
    async with connected(door.port) as (reader, writer):
        writer.write(_endless("wav")[: chance.choice([-1, -20, 10_000])])
        writer.write_eof()
        await reader.read()


async def never_reads(door: EveryDoor, chance: random.Random) -> None:
    async with connected(door.port, ahead_bytes=1) as (_, writer):
        writer.write(_endless(chance.choice(["pcm", "opus"])) + request("GET", "/openapi.json") * 50)
        await asyncio.sleep(chance.uniform(*_FOR_S))


async def says_half_a_head(door: EveryDoor, chance: random.Random) -> None:
    head = request("GET", "/health")
    async with connected(door.port) as (_, writer):
        writer.write(head[: chance.randrange(len(head) - 1)])
        await asyncio.sleep(chance.uniform(*_FOR_S))


async def says_half_a_body(door: EveryDoor, chance: random.Random) -> None:
    whole = request("POST", "/rpc", b'{"jsonrpc": "2.0", "id": 1, "params": "' + b"x" * (MIB // 2))
    async with connected(door.port) as (_, writer):
        writer.write(whole[: chance.randrange(100, len(whole))])
        await asyncio.sleep(chance.uniform(*_FOR_S))


async def says_too_much(door: EveryDoor, chance: random.Random) -> None:
    body = b"[" * (MIB + chance.randrange(1, 3 * MIB))
    async with connected(door.port) as (reader, writer):
        if chance.random() < 0.5:
            writer.write(request("POST", chance.choice(["/rpc", SPEECH, "/health"]), body))
        else:
            writer.write(request("POST", "/rpc", None, transfer_encoding="chunked"))
            writer.write(b"".join(b"10000\r\n" + body[:65536] + b"\r\n" for _ in range(40)))
        await reader.read()


async def says_a_letter_at_a_time(door: EveryDoor, chance: random.Random) -> None:
    whole = request("POST", "/rpc", b'{"jsonrpc": "2.0", "id": 1, "method": "status"}' + b" " * 1000)
    async with connected(door.port) as (_, writer):
        for at in range(chance.randrange(10, 60)):
            writer.write(whole[at : at + 1])
            await asyncio.sleep(0.02)


async def asks_too_far_ahead(door: EveryDoor, chance: random.Random) -> None:
    async with connected(door.port) as (reader, writer):
        writer.write(_endless("pcm") + request("GET", "/health") * 5000)
        await reader.read(chance.randrange(1, 100_000))


async def speaks_another_tongue(door: EveryDoor, chance: random.Random) -> None:
    async with connected(door.port) as (reader, writer):
        writer.write(
            chance.choice([b"\x16\x03\x01\x02\x00\x01\x00\x01", b"EHLO me\r\n\r\n", chance.randbytes(3000)])
        )
        writer.write(b"\r\n\r\n")
        await reader.read()


async def is_rude_in_wyoming(door: EveryDoor, chance: random.Random) -> None:
    said = chance.choice(
        [
            b'{"type": "synthesize", "data": {"text": "%s"}}\n' % LONG.replace("\n", " ").encode(),
            b'{"type": "synthesize", "data": {"text": "Ha',
            b'{"type": "synthesize", "data_length": 900000}\n' + b"{" * MIB,
            b'{"type": "audio-chunk", "payload_length": 99999999}\n',
            b'{"type": "synthesize-start"}\n'
            + b'{"type": "synthesize-chunk", "data": {"text": "Hm. "}}\n' * 300,
            chance.randbytes(3000) + b"\n",
        ]
    )
    if chance.random() < 0.5:
        reader, writer = await asyncio.open_unix_connection(door.unix.removeprefix("unix://"))
    else:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(door.tcp.rpartition(":")[2]))
    try:
        writer.write(said)
        if chance.random() < 0.5:
            await reader.read(1000)
            writer.transport.abort()
        else:
            await asyncio.sleep(chance.uniform(*_FOR_S))
    finally:
        writer.close()


async def is_rude_on_the_control_socket(door: EveryDoor, chance: random.Random) -> None:
    reader, writer = await asyncio.open_unix_connection(door.control)
    try:
        writer.write(
            b'{"jsonrpc": "2.0", "id": 1, "method": "synthesize", "params": {"audio": "inline", "text": "'
        )
        writer.write(LONG.replace("\n", " ").encode() + chance.choice([b'"}}\n', b"", b'"}\n']))
        await asyncio.sleep(chance.uniform(*_FOR_S))
        if chance.random() < 0.5:
            await asyncio.wait_for(reader.read(1000), 2)
    finally:
        writer.transport.abort()


ALL: Final[tuple[Rudeness, ...]] = (
    hangs_up_with_a_reset,
    closes_its_half,
    never_reads,
    says_half_a_head,
    says_half_a_body,
    says_too_much,
    says_a_letter_at_a_time,
    asks_too_far_ahead,
    speaks_another_tongue,
    is_rude_in_wyoming,
    is_rude_on_the_control_socket,
)


async def be_rude(door: EveryDoor, chance: random.Random) -> str:
    """Do one of these, and return which; how the service takes it is its own affair."""
    rudeness = chance.choice(ALL)
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(5):
            await rudeness(door, chance)
    return rudeness.__name__
