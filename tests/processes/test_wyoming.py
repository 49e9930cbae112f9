"""Wyoming as Home Assistant speaks it: the official client, real services, children that die."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import wave
from pathlib import Path

import pytest
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info, SelectProgram
from wyoming.ping import Ping, Pong
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeVoice
from zeroconf import ServiceStateChange

from tests.processes.narration import PATIENCE_S, Task, tell
from tests.processes.serving import scripted_task
from tests.processes.wyoming_serving import (
    Client,
    PipeClient,
    client_of,
    groups_of,
    pcm_of,
    spoken,
    spoken_streaming,
    streamed,
    words_of,
    wyoming_service,
)
from tests.supervisor.doors.wyoming.ears import listening, own_address

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

TCP = "tcp://127.0.0.1:0"
TEXT = 'The ferry left at 22:40. "Nobody slept!" said Dr. Moll.\n\n开往青石镇的渡轮到了。Everybody was there.'
SLOW = {"engine.scripted.wall_per_char_s": "0.01"}
MIB = 2**20


def said_by_say(folder: Path, text: str, *words: str, **sets: str) -> bytes:
    """The samples that `say` makes of a text."""
    folder.mkdir()
    task = scripted_task(folder, **sets)
    out = folder / "say.wav"
    subprocess.run(
        task.words("say", text, "-o", str(out), *words), env=task.whole_env(), check=True, timeout=PATIENCE_S
    )
    with wave.open(str(out)) as file:
        return file.readframes(file.getnframes())


# ------------------------------------------------------------------ over each transport


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_the_official_client_has_a_whole_conversation_over_a_socket(kind: str, tmp_path: Path) -> None:
    place = TCP if kind == "tcp" else f"unix://{tmp_path}/w.sock"

    async def talk(uri: str) -> None:
        async with client_of(uri) as client:
            await whole_conversation(client)

    with wyoming_service(scripted_task(tmp_path), place) as service:
        asyncio.run(talk(service.uris[0]))
        assert service.stop() == 0
    assert not (tmp_path / "w.sock").exists()


def test_the_official_framing_has_a_whole_conversation_over_standard_input_and_output(tmp_path: Path) -> None:
    async def talk() -> None:
        async with piped(scripted_task(tmp_path)) as (process, client):
            await whole_conversation(client)
            assert process.stdin is not None
            process.stdin.close()
            assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0
            assert await client.hear() is None

    asyncio.run(talk())


async def whole_conversation(client: Client) -> None:
    await client.say(SelectProgram(name="tts-supervisor").event(), Ping(text="Héllo").event())
    pong = await client.hear()
    assert pong is not None
    assert Pong.from_event(pong).text == "Héllo"
    await client.say(Describe().event())
    described = await client.hear()
    assert described is not None
    (program,) = Info.from_event(described).tts
    assert program.installed
    assert program.supports_synthesize_streaming
    assert program.version
    assert program.attribution.name
    assert [voice.name for voice in program.voices if voice.installed and voice.languages]
    await client.say(Synthesize(text=TEXT, voice=SynthesizeVoice(name="reed")).event())
    (whole,) = groups_of(await client.hear_until("audio-stop", "error"))
    await client.say(*streamed(words_of(TEXT), "reed"))
    heard = await client.hear_until("synthesize-stopped", "error")
    pieces = groups_of(heard[:-1])
    assert len(pieces) == 4
    assert whole.rate_hz == pieces[0].rate_hz == 24_000
    await client.say(Ping().event())
    last = await client.hear()
    assert last is not None
    assert Pong.is_type(last.type)


class piped:  # noqa: N801 - read as a word
    """A service on pipes, and a client at their other ends."""

    def __init__(self, task: Task, *words: str) -> None:
        self._task = task
        self._words = words

    async def __aenter__(self) -> tuple[asyncio.subprocess.Process, Client]:
        errors = (self._task.state.parent / "serve.err").open("wb")
        with errors:
            self._process = await asyncio.create_subprocess_exec(
                *self._task.words("serve", "--wyoming", "stdio://", *self._words, level="info"),
                env=self._task.whole_env(),
                cwd=self._task.text.parent,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process, Client(PipeClient(self._process.stdout, self._process.stdin))

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


def test_over_standard_input_and_output_an_error_costs_only_its_request(tmp_path: Path) -> None:
    async def talk() -> None:
        async with piped(scripted_task(tmp_path)) as (process, client):
            await client.say(
                Synthesize(text="One.").event(),
                Synthesize(text="Two.", voice=SynthesizeVoice(name="nobody")).event(),
                SynthesizeStart(voice=SynthesizeVoice(name="nobody")).event(),
                SynthesizeChunk(text="Three. Four.").event(),
                SynthesizeStop().event(),
                Synthesize(text="Five.").event(),
            )
            heard = [event.type for event in await client.hear_until("error")]
            assert heard == ["audio-start", *["audio-chunk"] * (len(heard) - 3), "audio-stop", "error"]
            failed = await client.hear()
            assert failed is not None
            assert Error.from_event(failed).code == "voice_not_found"
            assert groups_of(await client.hear_until("audio-stop", "error"))
            assert process.stdin is not None
            process.stdin.close()
            assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0

    asyncio.run(talk())


def test_what_is_asked_before_the_input_ends_is_spoken_and_what_is_no_wyoming_ends_it(tmp_path: Path) -> None:
    async def talk() -> None:
        async with piped(scripted_task(tmp_path)) as (process, client):
            await client.say(Synthesize(text="One. Two.").event())
            assert process.stdin is not None
            process.stdin.write(b"GET / HTTP/1.1\r\n\r\n")
            heard = await client.hear_all()
            (whole,) = groups_of(heard[:-1])
            assert whole.pcm
            assert Error.from_event(heard[-1]).code == "bad_input"
            assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0

    asyncio.run(talk())


def test_standard_input_is_one_clients_and_places_are_checked_before_anything_is_owned(
    tmp_path: Path,
) -> None:
    task = scripted_task(tmp_path)
    for words, said in (
        (("--stdio", "--wyoming", "stdio://"), "--stdio"),
        (("--wyoming", "stdio://", "--wyoming", "stdio://"), "twice"),
        (("--wyoming", "http://127.0.0.1:1"), "unix:///ABSOLUTE/PATH"),
        (("--wyoming", "unix://w.sock"), "unix:///ABSOLUTE/PATH"),
        (("--wyoming", "tcp://127.0.0.1:99999"), "99999"),
    ):
        done = subprocess.run(
            task.words("serve", *words),
            env=task.whole_env(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=PATIENCE_S,
        )
        assert (done.returncode, done.stdout) == (2, b""), done.stderr
        assert said in done.stderr.decode()
    assert not task.state.exists()


# ------------------------------------------------------------------ audio


def test_a_text_that_comes_whole_sounds_as_say_does(tmp_path: Path) -> None:
    with wyoming_service(scripted_task(tmp_path), TCP) as service:
        (whole,) = asyncio.run(spoken(service.uris[0], TEXT))
    assert whole.pcm == said_by_say(tmp_path / "say", TEXT)


def test_a_text_that_comes_in_pieces_is_its_sentences_however_it_is_cut(tmp_path: Path) -> None:
    async def talk(uri: str) -> None:
        by_words = await spoken_streaming(uri, words_of(TEXT))
        assert await spoken_streaming(uri, [TEXT]) == by_words
        assert await spoken_streaming(uri, list(TEXT)) == by_words
        pauses_s = [0.0, 0.25, 0.6, 0.25]
        sentences = [
            "The ferry left at 22:40.",
            '"Nobody slept!" said Dr. Moll.',
            "开往青石镇的渡轮到了。",
            "Everybody was there.",
        ]
        for group, pause_s, sentence in zip(by_words, pauses_s, sentences, strict=True):
            (alone,) = await spoken(uri, sentence)
            assert group.pcm == bytes(2 * round(pause_s * 24_000)) + alone.pcm

    with wyoming_service(scripted_task(tmp_path), TCP) as service:
        asyncio.run(talk(service.uris[0]))


def test_a_sentence_is_heard_before_the_next_is_said(tmp_path: Path) -> None:
    async def talk(uri: str) -> None:
        async with client_of(uri) as client:
            await client.say(SynthesizeStart().event(), SynthesizeChunk(text="The ferry left. And").event())
            assert groups_of(await client.hear_until("audio-stop", "error"))
            await client.say(SynthesizeChunk(text=" nobody slept.").event(), SynthesizeStop().event())
            heard = await client.hear_until("synthesize-stopped", "error")
            assert len(groups_of(heard[:-1])) == 1

    with wyoming_service(scripted_task(tmp_path), TCP) as service:
        asyncio.run(talk(service.uris[0]))


def test_with_a_silence_between_sentences_both_ways_sound_the_same_to_the_byte(tmp_path: Path) -> None:
    text = "This is one sentence. This is another!"

    async def both(uri: str) -> bytes:
        (whole,) = await spoken(uri, text)
        assert pcm_of(await spoken_streaming(uri, words_of(text))) == whole.pcm
        return whole.pcm

    heard: list[bytes] = []
    for silence_s in ("0.0", "1.0"):
        folder = tmp_path / silence_s
        folder.mkdir()
        task = scripted_task(
            folder, **{"wyoming.sentence_silence_s": silence_s, "wyoming.sample_rate": "16000"}
        )
        with wyoming_service(task, TCP) as service:
            heard.append(asyncio.run(both(service.uris[0])))
    without, with_silence = heard
    at = next(i for i in range(0, len(without), 2) if without[i : i + 2] != with_silence[i : i + 2])
    first = len(without) // 2  # the first sentence is a bit over half of it: its end is found from its start
    assert len(with_silence) - len(without) == 2 * 16_000
    cut = next(
        end for end in range(at - at % 2, first + 4000, 2) if with_silence[end:].startswith(bytes(32_000))
    )
    assert with_silence[:cut] + with_silence[cut + 32_000 :] == without


def test_espeak_speaks_with_the_voice_that_is_asked_for_by_name_or_by_language(tmp_path: Path) -> None:
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    task = Task(
        text=tmp_path / "text.txt",
        output=tmp_path / "out.wav",
        state=tmp_path / "state",
        sets={"engine.name": '"espeak"'},
        env={"XDG_RUNTIME_DIR": str(runtime)},
    )

    async def talk(uri: str) -> None:
        async with client_of(uri) as client:
            await client.say(Describe().event())
            described = await client.hear()
            assert described is not None
            (program,) = Info.from_event(described).tts
            languages = {voice.name: voice.languages for voice in program.voices}
            assert languages["cmn"] == ["zh-CN", "cmn"]
            assert program.voices[0].attribution.name == "eSpeak NG"
            spoken: dict[str, bytes] = {}
            for name, voice in (
                ("own", None),
                ("german", SynthesizeVoice(name="de")),
                ("by language", SynthesizeVoice(language="de_DE")),
            ):
                await client.say(Synthesize(text="Good morning to you.", voice=voice).event())
                (group,) = groups_of(await client.hear_until("audio-stop", "error"))
                assert group.rate_hz == 22_050
                spoken[name] = group.pcm
            assert spoken["german"] == spoken["by language"] != spoken["own"]
            await client.say(*streamed(["早上好。", "今天", "天气很好！", " Good bye."]))
            heard = await client.hear_until("synthesize-stopped", "error")
            assert len(groups_of(heard[:-1])) == 3

    with wyoming_service(task, TCP) as service:
        asyncio.run(talk(service.uris[0]))


# ------------------------------------------------------------------ what cannot be done


@pytest.mark.parametrize(
    ("events", "code", "words"),
    [
        ([Synthesize(text="Hi.", voice=SynthesizeVoice(name="nobody")).event()], "voice_not_found", "nobody"),
        ([Synthesize(text="Hi.", voice=SynthesizeVoice(language="tlh")).event()], "voice_not_found", "tlh"),
        (
            [Synthesize(text="Hi.", voice=SynthesizeVoice(name="sine", speaker="3")).event()],
            "voice_not_found",
            "speaker",
        ),
        ([Synthesize(text=" ... ").event()], "bad_input", "nothing to speak"),
        ([Synthesize(text="").event()], "bad_input", "nothing to speak"),
        ([Synthesize(text="x" * 70_000).event()], "bad_input", "20000"),
        ([Synthesize(text="<speak>Hi.</speak>", text_format="ssml").event()], "bad_input", "ssml"),
        ([SynthesizeStart(text_format="ssml").event()], "bad_input", "ssml"),
        (streamed(["...", " "], whole=False), "bad_input", "nothing to speak"),
        ([SynthesizeChunk(text="Hi.").event()], "bad_input", "synthesize-start"),
        ([SynthesizeStop().event()], "bad_input", "synthesize-start"),
        ([SynthesizeStart().event(), SynthesizeStart().event()], "bad_input", "within a stream"),
        ([SelectProgram(name="whisper").event()], "bad_input", "whisper"),
        ([Synthesize(text="This is xyzzy.").event()], "child_crashed", "SIGSEGV"),
        (streamed(["This is plugh. ", "And more."]), "quality_failed", "sil"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_spoken_is_an_error_and_the_connections_end_and_no_audio(
    events: list[Event], code: str, words: str, tmp_path: Path
) -> None:
    task = scripted_task(tmp_path, **{"engine.faults.poison": '{ xyzzy = "crash", plugh = "silence" }'})

    async def talk(uri: str) -> None:
        async with client_of(uri) as client:
            await client.say(Describe().event())
            await client.hear_until("info")
            await client.say(*events)
            (event,) = await client.hear_all()
        error = Error.from_event(event)
        assert error.code == code
        assert words in error.text
        assert (await spoken(uri, "Still there."))[0].pcm

    with wyoming_service(task, TCP) as service:
        asyncio.run(talk(service.uris[0]))


def test_what_fails_in_the_middle_is_an_error_and_never_a_shorter_text(tmp_path: Path) -> None:
    task = scripted_task(tmp_path, **{"engine.faults.poison": '{ xyzzy = "crash" }'})

    async def talk(uri: str) -> None:
        for sent in (
            streamed(["All is well. ", "This is xyzzy. ", "And more."]),
            [Synthesize(text="All is well.\n\nThis is xyzzy.\n\nAnd more.").event()],
        ):
            async with client_of(uri) as client:
                await client.say(*sent)
                heard = await client.hear_all()
            assert Error.from_event(heard[-1]).code == "child_crashed"
            types = [event.type for event in heard]
            assert "synthesize-stopped" not in types
            # Of the stream, the first sentence was whole; of the whole text nothing was.
            assert types.count("audio-stop") == (1 if len(sent) > 1 else 0)

    with wyoming_service(task, TCP) as service:
        asyncio.run(talk(service.uris[0]))


# ------------------------------------------------------------------ children that die


def test_a_kill_and_a_recycle_in_the_middle_change_no_sample(tmp_path: Path) -> None:
    text = " ".join(f"This is sentence number {number} of a long tale." for number in range(14))
    task = scripted_task(tmp_path, **SLOW, **{"narration.segment_chars": "100"})

    async def disturbed(uri: str) -> tuple[bytes, bytes]:
        async with client_of(uri) as client:
            await client.say(Synthesize(text=text).event())
            heard = await client.hear_until("audio-chunk")
            os.kill(json.loads(await run(task, "status"))["child"]["pid"], signal.SIGKILL)
            heard += await client.hear_until("audio-stop", "error")
            whole = pcm_of(groups_of(heard))
            await client.say(*streamed(words_of(text)))
            heard = await client.hear_until("audio-stop")
            recycling = asyncio.ensure_future(run(task, "recycle"))
            heard += await client.hear_until("synthesize-stopped", "error")
            assert "took_s" in await recycling
            return whole, pcm_of(groups_of(heard[:-1]))

    with wyoming_service(task, TCP) as service:
        whole, pieces = asyncio.run(disturbed(service.uris[0]))
        assert '"signal": "SIGKILL"' in service.said()
        assert service.stop() == 0
    (tmp_path / "quiet").mkdir()
    calm = scripted_task(tmp_path / "quiet", **{"narration.segment_chars": "100"})
    with wyoming_service(calm, TCP) as service:
        assert pcm_of(asyncio.run(spoken(service.uris[0], text))) == whole
        assert pcm_of(asyncio.run(spoken_streaming(service.uris[0], [text]))) == pieces


async def run(task: Task, command: str) -> str:
    """What a command says of the service."""
    process = await asyncio.create_subprocess_exec(
        *task.words(command, "--json"), env=task.whole_env(), stdout=subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


@pytest.mark.parametrize("is_streaming", [False, True])
def test_a_child_that_is_killed_and_cannot_be_replaced_is_an_error_and_no_empty_audio(
    is_streaming: bool, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    task = scripted_task(tmp_path, **SLOW, **{"child.python": f'"{python}"', "child.start": '"cold"'})
    text = " ".join(f"This is sentence number {number}." for number in range(40))

    async def talk(uri: str) -> None:
        async with client_of(uri) as client:
            await client.say(*(streamed([text]) if is_streaming else [Synthesize(text=text).event()]))
            await client.hear_until("audio-chunk", "error")
            pid = json.loads(await run(task, "status"))["child"]["pid"]
            python.unlink()
            os.kill(pid, signal.SIGKILL)
            heard = await client.hear_all()
        assert Error.is_type(heard[-1].type), heard[-1]
        assert "synthesize-stopped" not in [event.type for event in client.events]
        sound = [event for event in client.events if event.type != "error"]
        # What was begun is without its end, or was whole; none of it is empty.
        ends = [number for number, event in enumerate(sound) if event.type == "audio-stop"]
        assert all(sound[number - 1].type == "audio-chunk" for number in ends)
        if not is_streaming:
            assert ends == []

    with wyoming_service(task, TCP) as service:
        asyncio.run(talk(service.uris[0]))
        assert service.popen.wait(PATIENCE_S) != 0


# ------------------------------------------------------------------ many, slow, rude, gone


def test_fifty_clients_at_once_each_hear_their_own(tmp_path: Path) -> None:
    texts = [f"Client number {number} asks. And asks again." for number in range(50)]

    async def all_at_once(uri: str) -> list[bytes]:
        asked = [
            spoken(uri, text) if number % 2 else spoken_streaming(uri, words_of(text))
            for number, text in enumerate(texts)
        ]
        return [pcm_of(groups) for groups in await asyncio.gather(*asked)]

    with wyoming_service(scripted_task(tmp_path), TCP) as service:
        together = asyncio.run(all_at_once(service.uris[0]))
        tell(f"50 clients: parent {service.rss_bytes() / MIB:.1f} MiB")
        assert service.rss_bytes() < 60 * MIB

        async def in_turn(uri: str) -> list[bytes]:
            return [
                pcm_of(await (spoken(uri, text) if number % 2 else spoken_streaming(uri, [text])))
                for number, text in enumerate(texts)
            ]

        assert together == asyncio.run(in_turn(service.uris[0]))
        assert service.stop() == 0


def test_who_reads_slowly_costs_disk_and_not_memory_and_nobody_elses_time(tmp_path: Path) -> None:
    task = scripted_task(tmp_path, **{"engine.scripted.seconds_per_char": "0.2"})
    book = " ".join(f"Sentence number {number} is here." for number in range(110))  # 20 minutes: 30 MiB

    async def talk(uri: str) -> None:
        async with client_of(uri) as slow:
            await slow.say(Synthesize(text=book).event())
            await slow.hear_until("audio-chunk")
            async with client_of(uri) as quick:
                await quick.say(Synthesize(text="Quick.").event())
                await quick.hear_until("audio-stop", "error")  # behind the book
                assert groups_of(quick.events)
            tell(f"30 MiB unread: parent {service.rss_bytes() / MIB:.1f} MiB")
            assert service.rss_bytes() < 60 * MIB
            heard = await slow.hear_until("audio-stop", "error")
            (whole,) = groups_of([*slow.events[:2], *heard])
            assert len(whole.pcm) > 25 * MIB

    with wyoming_service(task, TCP) as service:
        asyncio.run(talk(service.uris[0]))


def test_who_goes_away_takes_back_what_he_asked_for(tmp_path: Path) -> None:
    task = scripted_task(tmp_path, **SLOW)
    book = " ".join(f"Sentence number {number} is here." for number in range(500))  # minutes

    async def talk(uri: str) -> None:
        async with client_of(uri) as client:
            await client.say(Synthesize(text=book).event())
            await client.hear_until("audio-chunk")
        (group,) = await spoken(uri, "Next.")
        assert group.pcm

    for place in (TCP, f"unix://{tmp_path}/w.sock"):
        with wyoming_service(task, place) as service:
            asyncio.run(talk(service.uris[0]))
            assert service.stop() == 0


def test_a_service_that_is_stopped_tells_who_waits(tmp_path: Path) -> None:
    task = scripted_task(tmp_path, **SLOW)
    book = " ".join(f"Sentence number {number} is here." for number in range(500))

    async def talk(uri: str) -> None:
        async with client_of(uri) as client:
            await client.say(Synthesize(text=book).event())
            await client.hear_until("audio-chunk")
            service.popen.send_signal(signal.SIGTERM)
            heard = await client.hear_all()
        assert Error.from_event(heard[-1]).code == "shutting_down"

    with wyoming_service(task, TCP) as service:
        asyncio.run(talk(service.uris[0]))
        assert service.popen.wait(PATIENCE_S) == 0


def test_an_address_in_use_is_for_later_and_a_socket_that_is_left_over_is_replaced(tmp_path: Path) -> None:
    place = f"unix://{tmp_path}/w.sock"
    with wyoming_service(scripted_task(tmp_path), TCP, place) as service:
        (tmp_path / "other").mkdir()
        other = scripted_task(tmp_path / "other")
        for uri in service.uris:
            done = subprocess.run(
                other.words("serve", "--wyoming", uri),
                env=other.whole_env(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=PATIENCE_S,
            )
            assert done.returncode == 75, done.stderr
            assert b"--wyoming" in done.stderr or b"in use" in done.stderr
        assert (tmp_path / "w.sock").stat().st_mode & 0o777 == 0o600
        service.popen.kill()
        service.popen.wait()
    with wyoming_service(scripted_task(tmp_path), place) as service:
        assert asyncio.run(spoken(place, "Again."))


def test_an_address_that_others_reach_is_warned_of(tmp_path: Path) -> None:
    with wyoming_service(scripted_task(tmp_path), "tcp://0.0.0.0:0", TCP) as service:
        warnings = [line for line in service.said().splitlines() if "Wyoming has no keys" in line]
    assert len(warnings) == 1
    assert "tcp://0.0.0.0:" in warnings[0]


def test_home_assistant_finds_it_by_its_name_while_it_is_there(tmp_path: Path) -> None:
    address, name = own_address(), f"Service {tmp_path.name} {os.getpid()}"[:63]
    loading = {"engine.scripted.load_s": "2.0", "child.start": '"cold"'}
    task = scripted_task(tmp_path, **{"wyoming.zeroconf": f'"{name}"'}, **loading)

    async def find() -> None:
        async with listening() as ears:
            with wyoming_service(task, "tcp://0.0.0.0:0") as service:
                await ears.hears(ServiceStateChange.Added, name)
                assert '"state": "ready"' in service.said(), "who hears of it asks at once what there is"
                addresses, port = await ears.place_of(name)
                assert addresses == [address]
                assert (await spoken(f"tcp://{address}:{port}", "Found."))[0].pcm
                tell(f"announced: parent {service.rss_bytes() / MIB:.1f} MiB")
                assert service.rss_bytes() < 60 * MIB
                assert await asyncio.to_thread(service.stop) == 0
                await ears.hears(ServiceStateChange.Removed, name)

    asyncio.run(find())


def test_the_parent_stays_small_with_the_door_open(tmp_path: Path) -> None:
    with wyoming_service(scripted_task(tmp_path), TCP) as service:
        asyncio.run(spoken(service.uris[0], "One."))
        tell(f"with the door open: parent {service.rss_bytes() / MIB:.1f} MiB")
        assert service.rss_bytes() < 50 * MIB
