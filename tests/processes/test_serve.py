"""The service as other programs see it: over real pipes, with real children that die."""

import base64
import hashlib
import os
import random
import signal
import subprocess
import threading
import wave
from pathlib import Path
from typing import cast

import pytest

from tests.processes.narration import Narration, narrate, paragraphs, tell
from tests.processes.serving import Refused, Serving, fields, scripted_task

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

SLOW = {"engine.scripted.wall_per_char_s": "0.005"}
MIB = 2**20


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(paragraphs(12), "utf-8")
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def undisturbed(folder: Path, text: Path) -> str:
    """The hash of what `narrate` makes of a text."""
    alone = folder / "alone"
    alone.mkdir()
    (alone / text.name).write_bytes(text.read_bytes())
    task = scripted_task(alone)
    assert narrate(task).exit_code() == 0
    return sha256(task.output)


def samples(path: str) -> bytes:
    with wave.open(path) as file:
        return file.readframes(file.getnframes())


def rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


# ------------------------------------------------------------------ speech


def test_it_says_what_it_is_and_speaks_as_say_does(tmp_path: Path) -> None:
    said = "Hello there, said the fox. It is late.\n\nIt was."
    with Serving(scripted_task(tmp_path)) as service:
        service.child_pid()
        found = service.ask("server/discover")
        assert (found["name"], found["engine"], found["formats"]) == (
            "tts-supervisor",
            "scripted",
            ["wav", "flac"],
        )
        assert found["voices"]
        speech = service.ask("synthesize", text=said, seed=3)
        assert service.hang_up() == 0
        assert service.stray == []
    path = str(speech["path"])
    assert speech["sha256"] == hashlib.sha256(Path(path).read_bytes()).hexdigest()
    other = scripted_task(tmp_path / "other") if (tmp_path / "other").mkdir() is None else None
    assert other is not None
    out = str(tmp_path / "say.wav")
    done = subprocess.run(
        other.words("say", said, "-o", out, "--seed", "3"), env=other.whole_env(), check=False
    )
    assert done.returncode == 0
    assert samples(path) == samples(out)


def test_inline_audio_comes_in_order_before_the_answer_and_is_the_same(tmp_path: Path) -> None:
    with Serving(scripted_task(tmp_path, **{"narration.segment_chars": "20"})) as service:
        text = "One is here. Two is there. Three is gone."
        whole = service.ask("synthesize", text=text)
        spoken = service.ask("synthesize", text=text, audio="inline")
        chunks = service.told("audio/chunk")
        assert service.hang_up() == 0
    assert [chunk["seq"] for chunk in chunks] == list(range(len(chunks)))
    pcm = b"".join(base64.b64decode(str(chunk["pcm_s16le"])) for chunk in chunks)
    assert pcm == samples(str(whole["path"]))
    assert "path" not in spoken
    assert spoken["sha256"] == hashlib.sha256(pcm).hexdigest()


@pytest.mark.parametrize(
    ("params", "kind", "words"),
    [
        ({"text": " ... "}, "bad_input", "nothing to speak"),
        ({"text": "x" * 20_001}, "bad_input", "jobs/submit"),
        ({"text": "Hello.", "voice": "nobody"}, "voice_not_found", "nobody"),
        ({"text": "Hello.", "output_file": "hello.mp3"}, "bad_input", ".wav or .flac"),
        ({"text": "Hello.", "output_file": "text.txt/hello.wav"}, "bad_input", "text.txt"),
        ({"text": "Hello.", "sample_rate": 7}, "", "sample_rate"),
        ({"text": "x" * 200, "deadline_s": 0.01}, "cancelled", "deadline_s"),
        ({"text": "This is xyzzy."}, "child_crashed", "SIGSEGV"),
        ({"text": "This is plugh."}, "quality_failed", "sil"),
    ],
)
def test_what_cannot_be_spoken_is_told_and_costs_only_itself(
    tmp_path: Path, text: Path, params: dict[str, object], kind: str, words: str
) -> None:
    assert text.is_file()
    task = scripted_task(tmp_path, **{"engine.faults.poison": '{ xyzzy = "crash", plugh = "silence" }'})
    with Serving(task) as service:
        with pytest.raises(Refused) as refused:
            service.ask("synthesize", **params)
        assert refused.value.kind == kind
        assert words in str(refused.value)
        assert float(str(service.ask("synthesize", text="Well again.")["seconds"])) > 0
        assert service.hang_up() == 0


def hammer(service: Serving, *, requests: int, callers: int, kills: int) -> None:
    """So many requests at once while children are killed: each is answered once, with its own audio."""
    texts = [f"Request {number} is this one." for number in range(97)]
    heard: dict[str, set[object]] = {text: set() for text in texts}
    todo = iter(range(requests))
    lock = threading.Lock()
    over = threading.Event()
    sizes: list[int] = []

    def call() -> None:
        while True:
            with lock:
                number = next(todo, None)
            if number is None:
                return
            text = texts[number % len(texts)]
            with lock:
                asked = service.begin("synthesize", {"text": text})
            speech = fields(service.answer(asked))
            heard[text].add(speech["sha256"])

    def strike() -> None:
        chance = random.Random(7)
        for _ in range(kills):
            if over.wait(chance.uniform(0.05, 0.4)):
                return
            with lock:
                asked = service.begin("status")
            child = fields(service.answer(asked))["child"]
            sizes.append(rss_bytes(service.pid))
            if child is not None and isinstance(pid := fields(child)["pid"], int):
                os.kill(pid, signal.SIGKILL)

    threads = [threading.Thread(target=call) for _ in range(callers)]
    striker = threading.Thread(target=strike)
    for thread in [*threads, striker]:
        thread.start()
    for thread in threads:
        thread.join()
    over.set()
    striker.join()
    assert [len(found) for found in heard.values()] == [1] * len(texts)
    least, most = (round(size / MIB, 1) for size in (min(sizes), max(sizes)))
    tell(f"{requests} requests, {len(sizes)} kills, parent {least} to {most} MiB")
    assert max(sizes) < 40 * MIB
    assert max(sizes) - sizes[len(sizes) // 4] < MIB


def test_every_one_of_many_requests_is_answered_once_while_children_are_killed(tmp_path: Path) -> None:
    with Serving(scripted_task(tmp_path)) as service:
        service.child_pid()
        hammer(service, requests=600, callers=50, kills=8)
        assert service.hang_up() == 0
        assert service.stray == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_thousand_requests_and_a_hundred_kills(tmp_path: Path) -> None:
    with Serving(scripted_task(tmp_path)) as service:
        service.child_pid()
        hammer(service, requests=10_000, callers=50, kills=100)
        assert service.hang_up() == 0


def test_one_more_than_may_wait_is_busy_and_a_request_taken_back_frees_its_place(tmp_path: Path) -> None:
    task = scripted_task(tmp_path, **SLOW, **{"queue.max_waiting": "1"})
    with Serving(task) as service:
        service.child_pid()
        running, waiting = (service.begin("synthesize", {"text": "x" * 150}) for _ in range(2))
        with pytest.raises(Refused) as refused:
            service.ask("synthesize", text="One more.")
        assert refused.value.kind == "busy"
        service.notify("notifications/cancelled", {"requestId": waiting})
        with pytest.raises(Refused) as taken_back:
            service.answer(waiting)
        assert taken_back.value.kind == "cancelled"
        service.ask("synthesize", text="Now there is a place.")
        service.answer(running)
        assert service.hang_up() == 0


# ------------------------------------------------------------------ jobs


def test_a_job_is_what_narrate_makes_and_requests_go_between_its_segments(tmp_path: Path, text: Path) -> None:
    with Serving(scripted_task(tmp_path, **SLOW)) as service:
        job = str(service.ask("jobs/submit", inputs=[text.name], output="out.wav", key="night")["job"])
        assert service.ask("jobs/submit", inputs=["other.txt"], output="else.wav", key="night")["job"] == job
        service.wait_for(job, "running")
        while not service.told("job/segment"):
            service.moved.wait(1.0)
            service.moved.clear()
        service.ask("synthesize", text="Between two of them.")
        assert fields(service.ask("jobs/get", job=job))["state"] == "running"
        view = service.wait_for(job, "done")
        assert service.hang_up() == 0
    assert view["outputs"] == [str(tmp_path / "out.wav")]
    assert view["failed"] == 0
    assert sha256(tmp_path / "out.wav") == undisturbed(tmp_path, text)


@pytest.mark.parametrize("end", ["input", "SIGTERM", "SIGKILL", "shutdown"])
def test_a_job_goes_on_where_it_was_whatever_ended_the_service(tmp_path: Path, text: Path, end: str) -> None:
    task = scripted_task(tmp_path, **SLOW)
    with Serving(task) as service:
        job = str(service.ask("jobs/submit", inputs=[text.name], output="out.wav")["job"])
        while len(service.told("job/segment")) < 3:
            service.moved.wait(1.0)
            service.moved.clear()
        match end:
            case "input":
                assert service.hang_up() == 0
            case "shutdown":
                assert service.ask("shutdown") == {}
                assert service.exit_code() == 0
            case "SIGTERM":
                service.signal(signal.SIGTERM)
                assert service.exit_code() == 0
            case _:
                service.kill()
    with Serving(task) as service:
        view = service.wait_for(job, "done")
        spoken = service.told("job/segment")
        assert service.hang_up() == 0
    assert view["done"] == view["segments"]
    assert len(spoken) < int(str(view["segments"])) - 1, "what was spoken is not spoken again"
    assert sha256(tmp_path / "out.wav") == undisturbed(tmp_path, text)


def test_a_cancelled_job_stays_so_until_it_is_retried(tmp_path: Path, text: Path) -> None:
    task = scripted_task(tmp_path, **SLOW)
    with Serving(task) as service:
        first = str(service.ask("jobs/submit", inputs=[text.name], output="out.wav")["job"])
        second = str(service.ask("jobs/submit", text="A short one.", output="short.wav")["job"])
        while not service.told("job/segment"):
            service.moved.wait(1.0)
            service.moved.clear()
        assert service.ask("jobs/cancel", job=first)["state"] == "cancelled"
        assert service.wait_for(second, "done")["outputs"] == [str(tmp_path / "short.wav")]
        assert service.ask("jobs/get", job=first)["state"] == "cancelled"
        assert service.ask("jobs/retry", job=first)["state"] in ("queued", "running")
        assert service.wait_for(first, "done")["failed"] == 0
        assert {view["job"] for view in service.jobs()} == {first, second}
        assert service.hang_up() == 0
    assert sha256(tmp_path / "out.wav") == undisturbed(tmp_path, text)


def test_a_job_that_is_paused_waits_over_a_restart_and_goes_on_to_the_same_bytes(
    tmp_path: Path, text: Path
) -> None:
    task = scripted_task(tmp_path, **SLOW)
    with Serving(task) as service:
        job = str(service.ask("jobs/submit", inputs=[text.name], output="out.wav")["job"])
        while not service.told("job/segment"):
            service.moved.wait(1.0)
            service.moved.clear()
        assert service.ask("jobs/pause", job=job)["state"] == "paused"
        spoken = int(str(service.ask("jobs/get", job=job)["done"]))
        other = str(service.ask("jobs/submit", text="A short one.", output="short.wav")["job"])
        assert service.wait_for(other, "done")["failed"] == 0
        assert service.ask("jobs/get", job=job)["done"] == spoken >= 1
        assert service.hang_up() == 0
    with Serving(task) as service:
        assert service.ask("jobs/get", job=job)["state"] == "paused"
        assert service.ask("jobs/resume", job=job)["state"] in ("queued", "running")
        assert service.wait_for(job, "done")["failed"] == 0
        assert service.hang_up() == 0
    assert sha256(tmp_path / "out.wav") == undisturbed(tmp_path, text)


def test_a_job_that_cannot_be_planned_fails_and_the_next_goes_on(tmp_path: Path, text: Path) -> None:
    with Serving(scripted_task(tmp_path)) as service:
        (tmp_path / "mute.txt").write_text("... --- ...", "utf-8")
        mute = str(service.ask("jobs/submit", inputs=["mute.txt"], output="mute.wav")["job"])
        well = str(service.ask("jobs/submit", inputs=[text.name], output="out.wav")["job"])
        failed = service.wait_for(mute, "failed")
        assert "nothing to speak" in str(failed["error"])
        service.wait_for(well, "done")
        assert service.hang_up() == 0


# ------------------------------------------------------------------ the service itself


def marks(service: Serving) -> object:
    child = service.ask("status")["child"]
    return None if child is None else fields(child)["marks"]


def test_a_reload_changes_a_watermark_and_costs_no_segment(tmp_path: Path, text: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[memory.host]\nsoft = "2GiB"\nhard = "3GiB"\n', "utf-8")
    with Serving(scripted_task(tmp_path, **SLOW)) as service:
        job = str(service.ask("jobs/submit", inputs=[text.name], output="out.wav")["job"])
        waiting = service.begin("synthesize", {"text": "It waits through the reload. " * 20})
        while not service.told("job/segment"):
            service.moved.wait(1.0)
            service.moved.clear()
        config.write_text('[memory.host]\nsoft = "1GiB"\nhard = "3GiB"\n', "utf-8")
        service.signal(signal.SIGHUP)
        while marks(service) != {"host_soft": 2**30, "host_hard": 3 * 2**30}:
            service.moved.wait(1.0)
            service.moved.clear()
        assert float(str(fields(service.answer(waiting))["seconds"])) > 0
        assert service.wait_for(job, "done")["failed"] == 0
        assert service.hang_up() == 0
    assert sha256(tmp_path / "out.wav") == undisturbed(tmp_path, text)


def test_a_state_folder_has_one_owner_and_a_wrong_configuration_serves_nobody(tmp_path: Path) -> None:
    with Serving(scripted_task(tmp_path)) as service:
        service.child_pid()
        with Serving(scripted_task(tmp_path)) as second:
            assert second.exit_code() == 75
        assert service.hang_up() == 0
    with Serving(scripted_task(tmp_path, **{"engine.name": '"nobody"'})) as wrong:
        assert wrong.exit_code() == 2


def test_a_crash_loop_ends_it_with_what_a_service_manager_must_not_repeat(tmp_path: Path) -> None:
    with Serving(scripted_task(tmp_path, **{"engine.faults.faults": '["crash@1"]'})) as service:
        for number in range(20):
            service.begin("synthesize", {"text": f"Request {number}."})
        assert service.exit_code() == 78


# ------------------------------------------------------------------ several devices

TWO = {"child.device": '["cpu", "cpu"]'}


def test_two_devices_make_the_very_bytes_of_one_whatever_befalls_their_children(
    tmp_path: Path, text: Path
) -> None:
    task = scripted_task(tmp_path, **SLOW, **TWO, **{"engine.faults.faults": '["crash@4"]'})
    with Narration(task, level="info") as run:
        assert run.exit_code() == 0, run.tail()
        lives = {event.life for event in run.seen if event.is_child("ready")}
    assert {life % 2 for life in lives} == {0, 1}, "one device did all"
    assert sha256(tmp_path / "out.wav") == undisturbed(tmp_path, text)


def test_a_service_on_two_devices_tells_of_both_and_steers_both(tmp_path: Path, text: Path) -> None:
    task = scripted_task(tmp_path, **SLOW, **TWO, **{"queue.max_running": "2"})
    with Serving(task) as service:
        job = str(service.ask("jobs/submit", inputs=[text.name], output="out.wav")["job"])
        while len(pids := ready_pids(service)) < 2:
            service.moved.wait(1.0)
            service.moved.clear()
        asked = [service.begin("synthesize", {"text": f"Number {number} of three."}) for number in range(3)]
        os.kill(pids[0], signal.SIGKILL)
        service.signal(signal.SIGHUP)
        assert all(fields(service.answer(number))["sha256"] for number in asked)
        assert service.ask("child/recycle")["took_s"] is not None
        assert service.wait_for(job, "done")["failed"] == 0
        assert service.hang_up() == 0
    assert sha256(tmp_path / "out.wav") == undisturbed(tmp_path, text)


def ready_pids(service: Serving) -> list[int]:
    children = [fields(child) for child in cast("list[object]", service.ask("status")["children"])]
    return [cast("int", child["pid"]) for child in children if child["ready"]]
