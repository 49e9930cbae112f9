"""A counter for each way in which a life can end, and for each reason to replace a child, moves when it does.

Real processes: faults are rehearsed in the child, signals come from outside. Waited for is the line of the
log that tells of the end; the service counts it in the same breath.
"""

import contextlib
import json
import os
import signal
import urllib.error
import urllib.request
from pathlib import Path
from typing import cast

import pytest
from prometheus_client.parser import text_string_to_metric_families

from supervisor.doors.http.counters import ENDINGS, REASONS
from tests.processes.http_serving import HttpServing
from tests.processes.narration import PATIENCE_S, paragraphs
from tests.processes.serving import Json, fields, scripted_task

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

#: Two segments, so that the second of a life is met once.
TWO = "The ferry left.\n\nNobody slept."
#: A look at memory every 20 ms, marks that a child of the scripted engine (16 MiB) reaches when made to.
MARKS = {"memory.host.soft": '"60MiB"', "memory.host.hard": '"90MiB"', "memory.poll_s": "0.02"}
TIGHT = MARKS | {"memory.host.soft": '"40MiB"', "memory.host.hard": '"50MiB"'}
SLOW = {"engine.scripted.wall_per_char_s": "0.02"}


def faults(*named: str) -> dict[str, str]:
    return {"engine.faults.faults": json.dumps(named)}


class Figures:
    """What `/metrics` says now.

    Attributes:
        lives: By how they ended; those that are not nought.
        recycles: By reason, likewise.
        lost_s: Seconds.
        respawns: How many.
    """

    def __init__(self, serving: HttpServing) -> None:
        status, text = serving.get("/metrics")
        assert status == 200
        samples = [one for family in text_string_to_metric_families(text.decode()) for one in family.samples]
        named = {
            (one.name.removeprefix("tts_supervisor_"), *one.labels.values()): one.value for one in samples
        }
        lives = {ending: int(named["child_lives_total", ending]) for ending in ENDINGS}
        recycles = {reason: int(named["child_recycles_total", reason]) for reason in REASONS}
        self.lives = {ending: count for ending, count in lives.items() if count}
        self.recycles = {reason: count for reason, count in recycles.items() if count}
        self.lost_s = named["lost_seconds_total",]
        self.respawns = named["child_respawn_seconds_count",]
        self.releases = named["cache_releases_total",]


def speak(serving: HttpServing, text: str) -> int:
    """Have a text spoken, and return the status that it is answered with."""
    body = json.dumps({"input": text, "response_format": "pcm"}).encode()
    headers = {"content-type": "application/json"}
    asked = urllib.request.Request(f"{serving.url}/v1/audio/speech", data=body, headers=headers)
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:
            answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def gone(serving: HttpServing, life: int = 1) -> Json:
    """Wait for the end of a life."""
    return serving.until(lambda one: one.get("state") == "gone" and one.get("life") == life)


def ready(serving: HttpServing, life: int) -> None:
    serving.until(lambda one: one.get("state") == "ready" and one.get("life") == life)


# ------------------------------------------------------------------ mishaps


@pytest.mark.parametrize(
    ("fault", "ending"),
    [("crash@2", "crashed"), ("exit@2", "exited"), ("hang@2", "hung"), ("garbage@2", "broken")],
)
def test_what_a_child_does_to_itself_is_counted_as_that_and_the_text_is_spoken_all_the_same(
    tmp_path: Path, fault: str, ending: str
) -> None:
    with HttpServing(scripted_task(tmp_path, **faults(fault), **{"child.stall_s": "1.0"})) as serving:
        before = Figures(serving)
        assert (before.lives, before.recycles, before.lost_s, before.respawns) == ({}, {}, 0.0, 0.0)
        assert speak(serving, TWO) == 200
        assert gone(serving)["ending"] == ending
        after = Figures(serving)
        assert (after.lives, after.recycles, after.respawns) == ({ending: 1}, {}, 1.0)
        # A hang costs the second of patience and half a second for its stacks; the others next to nothing.
        assert (1.0 if ending == "hung" else 0.0) < after.lost_s < PATIENCE_S
        told = fields(cast("list[object]", serving.status()["lives"])[0])
        assert (told["ending"], told["reason"]) == (ending, "")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_one_that_is_killed_from_outside_is_counted_as_that(tmp_path: Path, number: signal.Signals) -> None:
    with HttpServing(scripted_task(tmp_path)) as serving:
        os.kill(int(str(fields(serving.status()["child"])["pid"])), number)
        assert gone(serving)["ending"] == "killed"
        ready(serving, 2)
        after = Figures(serving)
        assert (after.lives, after.recycles, after.respawns) == ({"killed": 1}, {}, 1.0)
        assert after.lost_s == 0.0, "it had nothing in hand"


def test_one_that_is_not_ready_in_time_is_counted_as_that(tmp_path: Path) -> None:
    sets = {"engine.scripted.load_s": "60.0", "child.start_timeout_s": "0.5", "child.start": '"cold"'}
    with contextlib.ExitStack() as stack:
        serving = HttpServing(scripted_task(tmp_path, **sets))
        stack.push(serving)
        serving.opened()
        assert gone(serving)["ending"] == "unready"
        after = Figures(serving)
        assert set(after.lives) == {"unready"}
        assert after.lost_s >= 0.5
        assert serving.get("/health")[0] == 503


def test_one_that_crosses_a_hard_mark_in_its_first_segment_is_counted_as_that(tmp_path: Path) -> None:
    sets = MARKS | SLOW | {"engine.faults.peak_bytes": '"200MiB"', "child.attempts": "1"}
    with HttpServing(scripted_task(tmp_path, **sets)) as serving:
        assert speak(serving, "The ferry left at ten in the evening.") == 503
        assert gone(serving)["ending"] == "over_mark"
        after = Figures(serving)
        assert (after.lives, after.recycles) == ({"over_mark": 1}, {})
        assert after.lost_s > 0


# ------------------------------------------------------------------ as planned


def test_one_that_had_nothing_to_do_is_counted_as_finished(tmp_path: Path) -> None:
    with HttpServing(scripted_task(tmp_path, **{"child.idle_unload_s": "0.2"})) as serving:
        assert gone(serving)["ending"] == "finished"
        after = Figures(serving)
        assert (after.lives, after.recycles, after.lost_s) == ({"finished": 1}, {}, 0.0)
        for method in ("memory/clean", "child/recycle"):
            given_back = fields(serving.call(method)["result"])
            assert (given_back["before_bytes"], given_back["after_bytes"]) == (0, 0)
        assert serving.status()["child"] is None, "nobody was woken to give back what nobody held"


def test_one_that_somebody_has_replaced_is_counted_as_asked_and_a_reload_forgets_nothing(
    tmp_path: Path,
) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[memory.host]\nsoft = "2GiB"\n', "utf-8")
    with HttpServing(scripted_task(tmp_path)) as serving:
        assert "result" in serving.call("memory/clean")
        assert "result" in serving.call("child/recycle")
        assert gone(serving)["reason"] == "asked"
        after = Figures(serving)
        assert (after.lives, after.recycles, after.lost_s) == ({"recycled": 1}, {"asked": 1}, 0.0)
        config.write_text('[memory.host]\nsoft = "1GiB"\n', "utf-8")
        serving.signal(signal.SIGHUP)
        ready(serving, 3)
        later = Figures(serving)
        assert (later.lives, later.recycles) == ({"recycled": 1, "finished": 1}, {"asked": 1})
        assert later.releases == 1
        totals = fields(serving.status()["totals"])
        assert (totals["recycles"], totals["deaths"], totals["cleans"]) == (1, 0, 1)


@pytest.mark.parametrize(
    ("sets", "texts", "reasons"),
    [
        ({"child.max_segments": "1"}, 3, {"clock"}),
        (faults("oom@2") | {"child.attempts": "2"}, 3, {"last_try"}),
        (faults("step@2") | SLOW | TIGHT, 2, {"watermark"}),
        (MARKS | {"engine.faults.leak_bytes": '"8MiB"'}, 12, {"watermark", "lookahead", "leak"}),
    ],
    ids=["clock", "last_try", "watermark", "leak"],
)
def test_one_that_is_replaced_is_counted_by_what_wanted_it(
    tmp_path: Path, sets: dict[str, str], texts: int, reasons: set[str]
) -> None:
    with HttpServing(scripted_task(tmp_path, **sets)) as serving:
        assert speak(serving, paragraphs(texts)) == 200
        first = gone(serving)
        assert first["ending"] == "recycled"
        assert first["reason"] in reasons
        # The last successor may be on its way while the answer is read.
        count = len([one for one in serving.seen if one.get("ending") == "recycled"])
        after = Figures(serving)
        assert after.lives["recycled"] == sum(after.recycles.values()) >= count >= 1
        assert set(after.lives) == {"recycled"}
        assert set(after.recycles) <= reasons
