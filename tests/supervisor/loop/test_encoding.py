"""The formats that need no process, as an `Encoding`."""

import asyncio

import pytest

from supervisor.loop.encoding import EncodingFailed, PlainEncoding
from supervisor.loop.plainaudio import wav_header


def plain(*, header: bool = False, samples: int | None = None) -> PlainEncoding:
    return PlainEncoding(rate_hz=24_000, header=header, samples=samples)


async def read(encoding: PlainEncoding) -> bytes:
    return b"".join([piece async for piece in encoding])


@pytest.mark.parametrize("samples", [None, 3])
def test_a_wav_is_its_header_and_what_was_written(samples: int | None) -> None:
    async def made() -> bytes:
        async with plain(header=True, samples=samples) as encoding:
            await encoding.write(b"abc")
            await encoding.write(b"def")
            await encoding.finish()
            return await read(encoding)

    assert asyncio.run(made()) == wav_header(24_000, samples) + b"abcdef"


def test_bare_samples_come_as_they_went_in() -> None:
    async def made() -> bytes:
        async with plain() as encoding:
            reading = asyncio.ensure_future(read(encoding))
            for number in range(100):
                await encoding.write(bytes([number]) * 40_000)
            await encoding.finish()
            return await reading

    assert asyncio.run(made()) == b"".join(bytes([number]) * 40_000 for number in range(100))


def test_what_nobody_reads_holds_up_who_writes() -> None:
    async def made() -> None:
        encoding = plain()
        await encoding.write(bytes(1024 * 1024))
        more = asyncio.ensure_future(encoding.write(b"ab"))
        await asyncio.wait_for(anything_else(), 5)
        assert not more.done()
        assert len(await anext(encoding)) == 1024 * 1024
        await more
        assert await anext(encoding) == b"ab"

    asyncio.run(made())


async def anything_else() -> None:
    for _ in range(20):  # turns of the loop: enough for whatever could go on to have gone on
        await asyncio.sleep(0)


@pytest.mark.parametrize(("samples", "why"), [(3, "6 were announced"), (None, "within a sample")])
def test_a_length_that_cannot_be_is_an_error_at_both_ends(samples: int | None, why: str) -> None:
    async def made() -> None:
        encoding = plain(samples=samples)
        await encoding.write(b"abc")
        with pytest.raises(EncodingFailed, match=why):
            await encoding.finish()
        with pytest.raises(EncodingFailed):
            await read(encoding)

    asyncio.run(made())


@pytest.mark.parametrize("waits", ["write", "read"])
def test_whoever_waits_when_it_is_closed_is_told(waits: str) -> None:
    async def made() -> None:
        encoding = plain()
        if waits == "write":
            await encoding.write(bytes(1024 * 1024))
        waiter = asyncio.ensure_future(encoding.write(b"ab") if waits == "write" else read(encoding))
        await anything_else()
        await encoding.close()
        with pytest.raises(EncodingFailed, match="closed"):
            await waiter

    asyncio.run(made())


def test_nothing_can_be_written_after_the_end() -> None:
    async def made() -> None:
        encoding = plain()
        await encoding.finish()
        with pytest.raises(EncodingFailed, match="finished"):
            await encoding.write(b"ab")

    asyncio.run(made())
