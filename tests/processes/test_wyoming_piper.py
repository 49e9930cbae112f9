"""Programs written for wyoming-piper: what its own tests do, against our service in its place.

They start `python -m wyoming_piper --uri stdio://` and speak over its standard input and output. Their golden
recording of one voice has no counterpart here; all that comes before it has.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from wyoming.info import Describe, Info
from wyoming.tts import Synthesize, SynthesizeVoice

from tests.processes.narration import PATIENCE_S
from tests.processes.piper_standin import CHAR_SAMPLES, RATE_HZ, VOICE, install
from tests.processes.wyoming_serving import Client, PipeClient, groups_of, pcm_of, streamed
from tests.tree import ROOT

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

FIRST, SECOND = "Here is the first sentence.", "And here is the second one."
RYAN = SynthesizeVoice(name=VOICE)


@asynccontextmanager
async def wyoming_piper(folder: Path, *words: str) -> AsyncGenerator[Client]:
    """Start what goes by that name; its input ends after, and so does it, well."""
    site = folder / "site"
    if not site.is_dir():
        install(site)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "wyoming_piper", "--uri", "stdio://", "--voice", VOICE),
        *("--data-dir", str(folder), "--noise-scale", "0", *words),
        env=os.environ | {"PYTHONPATH": f"{site}{os.pathsep}{ROOT}", "TMPDIR": str(folder)},
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Client(PipeClient(process.stdout, process.stdin))
        process.stdin.close()
        assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0
        assert await process.stdout.read() == b""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_it_tells_of_one_program_with_the_voice_and_speaks_a_sentence_with_it(tmp_path: Path) -> None:
    async def talk() -> None:
        async with wyoming_piper(tmp_path) as client:
            await client.say(Describe().event())
            described = await client.hear()
            assert described is not None
            (program,) = Info.from_event(described).tts
            assert [voice.name for voice in program.voices] == [VOICE]
            await client.say(Synthesize(text=FIRST, voice=RYAN).event())
            (group,) = groups_of(await client.hear_until("audio-stop", "error"))
            assert group.rate_hz == RATE_HZ
            assert len(group.pcm) == len(FIRST) * CHAR_SAMPLES * 2

    asyncio.run(talk())


@pytest.mark.parametrize("is_streaming", [False, True])
def test_a_silence_is_between_sentences_and_nowhere_else_to_the_byte(
    is_streaming: bool, tmp_path: Path
) -> None:
    async def heard(silence_s: str) -> bytes:
        async with wyoming_piper(tmp_path, "--sentence-silence", silence_s) as client:
            if is_streaming:
                await client.say(*streamed([f"{FIRST} {SECOND}"], VOICE, whole=False))
                events = (await client.hear_until("synthesize-stopped", "error"))[:-1]
            else:
                await client.say(Synthesize(text=f"{FIRST} {SECOND}", voice=RYAN).event())
                events = await client.hear_until("audio-stop", "error")
            return pcm_of(groups_of(events))

    without, with_silence = asyncio.run(heard("0.0")), asyncio.run(heard("1.5"))
    cut = len(FIRST) * CHAR_SAMPLES * 2
    assert len(without) == cut + len(SECOND) * CHAR_SAMPLES * 2
    assert with_silence == without[:cut] + bytes(2 * 24_000) + without[cut:]
