"""The HTTP door as programs that exist see it: OpenAI's own client, real processes, real deaths."""

import base64
import contextlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import threading
import wave
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import av
import numpy as np
import openai
import pytest
import soundfile
from openai import OpenAI
from prometheus_client.parser import text_string_to_metric_families

from tests.processes.http_serving import HttpServing
from tests.processes.narration import PATIENCE_S, tell
from tests.processes.serving import Json, fields, scripted_task

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

RATE_HZ = 24_000
MIB = 2**20

#: Three paragraphs, so three segments.
STORY = "The ferry left at ten.\n\nNobody on it slept.\n\nIt was late in the morning."
#: Half a second of work for each segment, so that there is time to look.
SLOW = {"engine.scripted.wall_per_char_s": "0.02"}
#: Words that end whichever child speaks them.
POISON = {"engine.faults.poison": '{ "xyzzy" = "crash", "plugh" = "oom" }', "child.attempts": "1"}

FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")


@contextmanager
def service(folder: Path, **sets: str) -> Generator[HttpServing]:
    with HttpServing(scripted_task(folder, **sets)) as serving:
        yield serving


def spoken(client: OpenAI, text: str, form: str = "pcm") -> bytes:
    made = client.audio.speech.create(
        model="tts-1",
        voice="alloy",
        input=text,
        response_format=form,  # pyright: ignore[reportArgumentType] -- one of FORMATS
    )
    return made.content


def decoded(data: bytes, form: str) -> tuple[float, float]:
    """Seconds, and the loudest sample, by FFmpeg."""
    if form == "pcm":
        samples = np.frombuffer(data, "<i2") / 32768
        return len(samples) / RATE_HZ, float(np.abs(samples).max())
    with av.open(io.BytesIO(data), "r") as container:
        frames = list(container.decode(audio=0))
    seconds = sum(frame.samples / frame.sample_rate for frame in frames)
    loudest = max(float(np.abs(frame.to_ndarray().astype(np.float64)).max()) for frame in frames)
    return seconds, loudest


# ------------------------------------------------------------------ what is sent


def test_every_format_is_decoded_by_others_and_as_long_as_the_samples(tmp_path: Path) -> None:
    with service(tmp_path) as serving:
        client = serving.openai()
        whole = spoken(client, STORY)
        assert spoken(client, STORY) == whole, "the same bytes for the same words"
        seconds = len(whole) / 2 / RATE_HZ
        for form in FORMATS:
            data = spoken(client, STORY, form)
            length_s, loudest = decoded(data, form)
            # Codecs pad: a frame of AAC at 24 kHz is 43 ms, an encoder's delay up to two of them.
            assert length_s == pytest.approx(seconds, abs=0.001 if form in ("flac", "wav", "pcm") else 0.15)
            assert loudest > 0.05, form
        for form in ("wav", "flac"):
            samples, rate_hz = soundfile.read(io.BytesIO(spoken(client, STORY, form)), dtype="int16")
            assert (rate_hz, samples.tobytes()) == (RATE_HZ, whole)
        with wave.open(io.BytesIO(spoken(client, STORY, "wav"))) as file:
            assert file.readframes(file.getnframes()) == whole


def test_audio_comes_while_the_rest_is_still_spoken(tmp_path: Path) -> None:
    with service(tmp_path, **SLOW) as serving:
        for form in ("wav", "mp3"):
            before = fields(serving.status()["totals"])["segments"]
            asked = serving.openai().audio.speech.with_streaming_response.create(
                model="tts-1", voice="alloy", input="\n\n".join([STORY] * 20), response_format=form
            )
            with asked as answer:
                assert next(answer.iter_bytes())
                after = fields(serving.status()["totals"])["segments"]
            assert isinstance(before, int)
            assert isinstance(after, int)
            assert 0 < after - before < 60


def test_events_hold_the_same_audio_and_say_that_it_is_all(tmp_path: Path) -> None:
    with service(tmp_path) as serving:
        client = serving.openai()
        asked = client.audio.speech.with_streaming_response.create(
            model="tts-1", voice="alloy", input=STORY, response_format="pcm", stream_format="sse"
        )
        with asked as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            events = [json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line]
        *deltas, done = events
        assert {event["type"] for event in deltas} == {"speech.audio.delta"}
        assert b"".join(base64.b64decode(event["audio"]) for event in deltas) == spoken(client, STORY)
        assert done["type"] == "speech.audio.done"
        assert done["usage"].keys() == {"input_tokens", "output_tokens", "total_tokens"}


def test_another_rate_a_seed_and_a_voice_by_id_are_taken(tmp_path: Path) -> None:
    sets = {"http.voices": '{ "nova" = "fox" }', "engine.name": '"scripted"'}
    with service(tmp_path, **sets) as serving:
        client = serving.openai()
        voices = json.loads(serving.get("/v1/audio/voices")[1])
        assert voices["voices"] == voices["data"]
        own = voices["voices"][0]["id"]
        by_id = client.audio.speech.create(
            model="tts-1", voice={"id": own}, input="Hm.", response_format="wav", extra_body={"seed": 7}
        ).content
        by_name = client.audio.speech.create(
            model="tts-1", voice=own, input="Hm.", response_format="wav", extra_body={"seed": 7}
        ).content
        assert by_id == by_name
        assert (
            by_id
            != client.audio.speech.create(
                model="tts-1", voice=own, input="Hm.", response_format="wav"
            ).content
        )
        other = client.audio.speech.create(
            model="tts-1", voice=own, input="Hm.", response_format="wav", extra_body={"sample_rate": 16_000}
        ).content
        with wave.open(io.BytesIO(other)) as file:
            assert file.getframerate() == 16_000
        with pytest.raises(openai.BadRequestError, match="no voice 'fox'"):
            client.audio.speech.create(model="tts-1", voice="nova", input="Hm.")


# ------------------------------------------------------------------ what cannot be had


def test_every_error_is_the_class_that_it_should_be(tmp_path: Path) -> None:
    with service(tmp_path, **POISON, **{"http.body_bytes": '"8KiB"'}) as serving:
        client = serving.openai()

        def refused(kind: type[openai.APIStatusError], **changed: object) -> openai.APIStatusError:
            asked: Json = {"model": "tts-1", "voice": "alloy", "input": "Hm."}
            with pytest.raises(kind) as caught:
                client.audio.speech.create(**(asked | changed))  # pyright: ignore[reportArgumentType] -- by name
            assert type(caught.value) is kind
            return caught.value

        for changed in (
            {"voice": "nobody"},
            {"input": ""},
            {"input": "…"},
            {"speed": 2.0},
            {"input": "x" * 5000},
        ):
            error = refused(openai.BadRequestError, **changed)
            assert error.param == next(iter(changed))
            assert error.code
        assert refused(openai.NotFoundError, model="whisper-1").code == "model_not_found"
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("whisper-1")
        strange = {"Origin": "http://elsewhere.example"}
        assert refused(openai.PermissionDeniedError, extra_headers=strange).code == "origin_not_allowed"
        crashed = refused(openai.InternalServerError, input="Say xyzzy.")
        assert (crashed.status_code, crashed.code) == (500, "child_crashed")
        short = refused(openai.InternalServerError, input="Say plugh.")
        assert (short.status_code, short.code) == (503, "oom")
        too_long = refused(openai.APIStatusError, input="x" * 10_000)
        assert (too_long.status_code, too_long.code) == (413, "body_too_long")
        assert len(spoken(client, "Hm.")) > 0, "and it goes on"


def test_one_more_than_may_wait_is_told_to_come_again_and_does(tmp_path: Path) -> None:
    with service(tmp_path, **SLOW, **{"queue.max_waiting": "0"}) as serving:
        asked = serving.openai().audio.speech.with_streaming_response.create(
            model="tts-1", voice="alloy", input=STORY, response_format="pcm"
        )
        with asked as answer:
            pieces = answer.iter_bytes()
            next(pieces)
            with pytest.raises(openai.RateLimitError) as caught:
                spoken(serving.openai(), "Hm.")
            assert caught.value.code == "busy"
            assert int(caught.value.response.headers["retry-after"]) >= 1
            assert len(b"".join(pieces)) > 0
        # Who comes again by himself, as the client does unless told otherwise, is served.
        assert len(spoken(serving.openai(max_retries=5), "Hm.")) > 0


def test_a_key_is_wanted_of_all_and_shown_to_nobody(tmp_path: Path) -> None:
    task = scripted_task(tmp_path)
    key = "a-key-of-44-letters"
    with HttpServing(task, TTS_SUPERVISOR_HTTP__API_KEY=key) as serving:
        with pytest.raises(openai.AuthenticationError):
            spoken(serving.openai(), "Hm.")
        assert len(spoken(serving.openai(api_key=key), "Hm.")) > 0
        assert serving.get("/health")[0] == 200
        assert {serving.get(path)[0] for path in ("/metrics", "/v1/models", "/openapi.json", "/x")} == {401}
        serving.signal(signal.SIGTERM)
        assert serving.exit_code() == 0
        assert key not in json.dumps(serving.seen)
    shown = subprocess.run(
        task.words("config", "show", "--json"),
        env=task.whole_env() | {"TTS_SUPERVISOR_HTTP__API_KEY": key},
        capture_output=True,
        check=True,
        cwd=tmp_path,
    )
    assert key.encode() not in shown.stdout + shown.stderr


def test_without_a_key_no_other_machine_is_listened_to(tmp_path: Path) -> None:
    task = scripted_task(tmp_path)
    done = subprocess.run(
        task.words("serve", "--http", "0.0.0.0:0"),
        env=task.whole_env(),
        cwd=tmp_path,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 2
    assert "http.api_key" in done.stderr
    assert "TTS_SUPERVISOR_HTTP__API_KEY" in done.stderr


def test_a_port_that_is_taken_is_told_before_anything_starts(tmp_path: Path) -> None:
    task = scripted_task(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = subprocess.run(
            task.words("serve", "--http", f"127.0.0.1:{taken.getsockname()[1]}"),
            env=task.whole_env(),
            cwd=tmp_path,
            capture_output=True,
            check=False,
            text=True,
        )
    assert (done.returncode, "cannot listen there" in done.stderr) == (75, True)
    assert "child.spawned" not in done.stderr


# ------------------------------------------------------------------ deaths


@pytest.mark.parametrize("form", ["wav", "mp3"])
@pytest.mark.parametrize("stream_format", ["audio", "sse"])
def test_a_stream_whose_child_dies_for_good_is_an_error_never_a_short_success(
    tmp_path: Path, form: str, stream_format: str
) -> None:
    with service(tmp_path, **POISON, **SLOW) as serving:
        spoken(serving.openai(), "Hm.", form)  # the encoder's codec is loaded by now
        text = f"{STORY}\n\nThen xyzzy.\n\nAnd on."
        asked = serving.openai().audio.speech.with_streaming_response.create(
            model="tts-1",
            voice="alloy",
            input=text,
            response_format=form,  # pyright: ignore[reportArgumentType] -- one of FORMATS
            stream_format=stream_format,  # pyright: ignore[reportArgumentType] -- likewise
        )
        got: list[bytes] = []
        with asked as answer, pytest.raises(Exception, match=r"peer closed|incomplete"):
            got.extend(answer.iter_bytes())
        assert got, "the first segment was sent"
        assert (b'"type":"error"' in b"".join(got)) == (stream_format == "sse")
        with pytest.raises(openai.APIConnectionError):
            spoken(serving.openai(), text, form)


def test_a_stream_through_deaths_and_recycles_is_whole(tmp_path: Path) -> None:
    alone, disturbed = tmp_path / "alone", tmp_path / "disturbed"
    alone.mkdir()
    disturbed.mkdir()
    story = "\n\n".join(f"{STORY} It was day {number}." for number in range(4))
    with service(alone) as serving:
        whole = spoken(serving.openai(), story)
    with service(disturbed, **SLOW) as serving:
        asked = serving.openai().audio.speech.with_streaming_response.create(
            model="tts-1", voice="alloy", input=story, response_format="pcm"
        )
        with asked as answer:
            pieces = answer.iter_bytes()
            got = next(pieces)
            child = fields(serving.status()["child"])
            pid = child["pid"]
            assert isinstance(pid, int)
            os.kill(pid, signal.SIGKILL)
            serving.until(lambda one: one.get("state") == "ready" and one.get("life") != child["life"])
            assert "result" in serving.call("child/recycle")
            got += b"".join(pieces)
        lives = serving.status()["lives"]
        assert len(cast("list[object]", lives)) >= 2, "it was disturbed"
    assert got == whole


def test_a_client_that_goes_away_frees_its_place(tmp_path: Path) -> None:
    with service(tmp_path, **{"engine.scripted.wall_per_char_s": "0.05"}) as serving:
        endless = "\n\n".join([STORY] * 40)
        for form in ("pcm", "mp3"):
            asked = serving.openai().audio.speech.with_streaming_response.create(
                model="tts-1", voice="alloy", input=endless, response_format=form
            )
            with asked as answer:
                next(answer.iter_bytes())
            # It would take two minutes and more; the place is free, so this is spoken next.
            assert len(spoken(serving.openai(timeout=60.0), "Hm.")) > 0


def test_a_service_that_ends_cuts_what_is_not_whole_and_exits_0(tmp_path: Path) -> None:
    with service(tmp_path, **SLOW) as serving:
        asked = serving.openai().audio.speech.with_streaming_response.create(
            model="tts-1", voice="alloy", input="\n\n".join([STORY] * 20), response_format="pcm"
        )
        with asked as answer:
            pieces = answer.iter_bytes()
            next(pieces)
            serving.signal(signal.SIGTERM)
            with pytest.raises(Exception, match=r"peer closed|incomplete"):
                list(pieces)
        assert serving.exit_code() == 0


# ------------------------------------------------------------------ readers


def test_a_client_that_does_not_read_holds_up_nobody_and_fills_no_memory(tmp_path: Path) -> None:
    with service(tmp_path, **{"engine.scripted.seconds_per_char": "0.5"}) as serving:
        # 26 minutes of speech, 76 MB of samples.
        text = "\n\n".join(["The ferry was late, and nobody slept."] * 85)
        body = json.dumps({"input": text, "response_format": "pcm"}).encode()
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect(("127.0.0.1", serving.port))
            slow.sendall(head_of(body) + body)
            slow.settimeout(PATIENCE_S)
            got = [slow.recv(1000)]
            assert len(spoken(serving.openai(), "Hm.")) > 0, (
                "it waits for the slow one to be spoken, not to be read"
            )
            peak = peak_bytes(serving.pid)
            while piece := slow.recv(MIB):
                got.append(piece)
        samples = sum(len(piece) for piece in chunks(b"".join(got)))
        pause_bytes = 84 * 2 * round(0.6 * RATE_HZ)
        assert samples == 85 * round(37 * 0.5 * RATE_HZ) * 2 + pause_bytes
        tell(f"slow reader: {samples / 1e6:.0f} MB waited, the parent's peak {peak / MIB:.1f} MiB")
        assert peak < 60 * MIB


def head_of(body: bytes, version: str = "1.1") -> bytes:
    """The head of a request for speech, the only one on its connection."""
    lines = (
        f"POST /v1/audio/speech HTTP/{version}",
        "Host: localhost",
        f"Content-Length: {len(body)}",
        "Content-Type: application/json",
        "Connection: close",
    )
    return "\r\n".join([*lines, "", ""]).encode()


def peak_bytes(pid: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text("ascii"))
    assert found is not None
    return int(found[1]) * 1024


def chunks(answer: bytes) -> Iterator[bytes]:
    """The chunks of an answer's body, which must be whole."""
    at = answer.index(b"\r\n\r\n") + 4
    assert b"transfer-encoding: chunked" in answer[:at].lower()
    count = -1
    while count:
        end = answer.index(b"\r\n", at)
        count = int(answer[at:end], 16)
        at = end + 2 + count + 2
        yield answer[end + 2 : at - 2]
        assert answer[at - 2 : at] == b"\r\n"
    assert at == len(answer)


def test_over_http_1_0_a_stream_has_its_length(tmp_path: Path) -> None:
    with service(tmp_path) as serving, socket.create_connection(("127.0.0.1", serving.port)) as asker:
        body = json.dumps({"input": STORY, "response_format": "pcm"}).encode()
        asker.sendall(head_of(body, "1.0") + body)
        asker.settimeout(PATIENCE_S)
        answer = b"".join(iter(lambda: asker.recv(MIB), b""))
        top, _, samples = answer.partition(b"\r\n\r\n")
        assert f"content-length: {len(samples)}".encode() in top.lower()
        assert samples == spoken(serving.openai(), STORY)


# ------------------------------------------------------------------ the rest of it


def test_health_tells_the_truth_from_before_the_first_child_to_the_last(tmp_path: Path) -> None:
    loading = {"engine.scripted.load_s": "1.0", "child.start": '"cold"'}
    serving = HttpServing(scripted_task(tmp_path, **loading))
    try:
        opened = serving.until(lambda one: str(one.get("where", "")).startswith("http://"))
        serving.port = int(str(opened["where"]).rpartition(":")[2])
        code, body = serving.get("/health")
        assert (code, json.loads(body)["state"], json.loads(body)["ready"]) == (503, "starting", False)
        with serving:
            assert serving.get("/health")[0] == 200
            pid = fields(serving.status()["child"])["pid"]
            assert isinstance(pid, int)
            os.kill(pid, signal.SIGKILL)
            serving.until(lambda one: one.get("state") == "gone")
            assert serving.get("/health")[0] == 503
    finally:
        serving.__exit__(None, None, None)


def figures(serving: HttpServing) -> dict[str, float]:
    """Every figure, as Prometheus reads it."""
    code, text = serving.get("/metrics")
    assert code == 200
    return {
        f"{sample.name}{','.join(sample.labels.values())}": sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_the_figures_move_with_what_happens(tmp_path: Path) -> None:
    with service(tmp_path, **POISON) as serving:
        before = figures(serving)
        ways = [name for name in before if name.startswith("tts_supervisor_child_lives_total")]
        assert len(ways) == 9
        assert {before[name] for name in ways} == {0.0}
        spoken(serving.openai(), STORY)
        seen = len(serving.seen)
        with pytest.raises(openai.InternalServerError):
            spoken(serving.openai(), "Say xyzzy.")
        serving.until(lambda one: one.get("state") == "ready", after=seen)
        assert "result" in serving.call("child/recycle")
        pid = fields(serving.status()["child"])["pid"]
        assert isinstance(pid, int)
        seen = len(serving.seen)
        os.kill(pid, signal.SIGKILL)
        serving.until(lambda one: one.get("state") == "ready", after=seen)
        after = figures(serving)
        moved = {name.removeprefix("tts_supervisor_") for name in after if after[name] > before.get(name, 0)}
        assert {
            "child_lives_totalcrashed",
            "child_lives_totalrecycled",
            "child_lives_totalkilled",
            "child_recycles_totalasked",
            "segments_totalspoken",
            "segments_totalfailed",
            "attempts_total",
            "audio_seconds_total",
            "child_respawn_seconds_count",
            "child_respawn_seconds_sum",
            "lost_seconds_total",
        } <= moved


def test_the_broom_gives_back_and_says_so(tmp_path: Path) -> None:
    with service(tmp_path) as serving:
        assert serving.status()["state"] == "idle"
        done = subprocess.run(
            ["curl", "-sS", "-X", "POST", f"{serving.url}/api/cleanup"], capture_output=True, check=True
        )
        answer = fields(json.loads(done.stdout))
        assert answer.keys() == {"status", "message", "before_bytes", "after_bytes", "took_s"}
        assert answer["status"] == "success"


def test_no_file_outside_the_folders_is_written_or_read(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "way-out").symlink_to(outside)
    (outside / "book.txt").write_text("Secret words.")
    (inside / "book.txt").write_text("Open words.")
    with service(tmp_path, **{"http.output_folders": f'["{inside}"]'}) as serving:
        for path in (
            f"{outside}/a.wav",
            f"{inside}/../outside/a.wav",
            f"{inside}/way-out/a.wav",
            f"{inside}/way-out/../outside/a.wav",
            "a.wav",
            "/dev/shm/a.wav",
        ):
            assert "error" in serving.call("synthesize", text="Hm.", output_file=path), path
            assert "error" in serving.call("jobs/submit", text="Hm.", output=path), path
            arguments = {"text": "Hm.", "output_file": path}
            wrapped = serving.call("tools/call", name="synthesize", arguments=arguments)
            assert "error" in wrapped, path
        assert "error" in serving.call(
            "jobs/submit", inputs=[f"{outside}/book.txt"], output=f"{inside}/a.wav"
        )
        assert list(outside.iterdir()) == [outside / "book.txt"]
        made = fields(serving.call("synthesize", text="Hm.", output_file=f"{inside}/a.wav")["result"])
        assert made["path"] == f"{inside}/a.wav"
        submitted = serving.call("jobs/submit", inputs=[f"{inside}/book.txt"], output=f"{inside}/b.wav")
        assert "job" in fields(submitted["result"])


def test_two_hundred_at_once_are_all_answered_one_way_or_another(tmp_path: Path) -> None:
    with service(tmp_path, **{"queue.max_waiting": "20", "http.connections": "150"}) as serving:
        answers: list[int] = []

        def ask(number: int) -> None:
            body = json.dumps({"input": f"Number {number}.", "response_format": "wav"}).encode()
            try:
                with socket.create_connection(("127.0.0.1", serving.port), timeout=PATIENCE_S) as asker:
                    asker.sendall(head_of(body) + body)
                    answer = b"".join(iter(lambda: asker.recv(MIB), b""))
            except ConnectionError:
                answers.append(0)  # a newcomer had its place before it had asked
                return
            answers.append(int(answer.split()[1]) if answer else 0)

        before = open_fds(serving.pid)
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(answers) == 200
        assert set(answers) <= {0, 200, 429, 503}
        assert answers.count(200) >= 21, "as many as may wait and one more"
        assert len(spoken(serving.openai(), "Hm.")) > 0
        assert serving.status()["queue"] == 0
        assert open_fds(serving.pid) <= before + 2


def open_fds(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def test_nothing_that_is_spoken_is_logged(tmp_path: Path) -> None:
    with service(tmp_path) as serving:
        spoken(serving.openai(), "Peculiar words of mine.")
        with pytest.raises(openai.BadRequestError):
            spoken(serving.openai(), "Peculiar words." * 1000)
        assert "eculiar" not in json.dumps(serving.seen)
        assert [one for one in serving.seen if "stray" in one] == []


def test_who_asks_for_voices_while_the_first_child_starts_waits_for_them(tmp_path: Path) -> None:
    sets = {"engine.scripted.load_s": "1.0", "child.start": '"cold"'}
    with contextlib.ExitStack() as stack:
        serving = HttpServing(scripted_task(tmp_path, **sets))
        stack.push(serving)
        serving.opened()
        assert serving.get("/health")[0] == 503
        status, body = serving.get("/v1/audio/voices")
        assert status == 200
        assert {"sine", "alloy"} <= {one["id"] for one in json.loads(body)["voices"]}
