"""Alerts are told one at a time and in order, and whatever their program does holds up no work."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from supervisor.core.decisions import Act, Policy
from supervisor.core.notes import ChildState, MemoryDecision, Note, Notice
from supervisor.core.obituary import Reason
from supervisor.edge import proc
from supervisor.errors import GaveUp, Interrupted, ProcessStuck, SupervisorError
from supervisor.log import Log
from supervisor.loop.alerting import MOST_WAITING, AlertEvent, Alerts, event_of, terminal_event


def event(number: int) -> AlertEvent:
    return AlertEvent(
        event="watermark",
        job="j12",
        life=number,
        policy="watermark",
        why="7.0 GiB of 8.0 GiB",
        memory={"device_used": 7 * 2**30},
        time="2030-01-01T00:00:00.000+00:00",
    )


def told(
    command: list[str], count: int, *, limit_s: float = 10.0, farewell_s: float = 10.0
) -> list[dict[str, object]]:
    """Send so many events and close; return the log."""
    lines: list[str] = []
    log = Log(format="json", level="debug", write=lines.append)

    async def send() -> None:
        alerts = Alerts(command, log, limit_s=limit_s, farewell_s=farewell_s)
        for number in range(count):
            alerts.send(event(number))
        await alerts.close()

    asyncio.run(send())
    return [json.loads(line) for line in lines]


def shell(script: str, *words: object) -> list[str]:
    return ["sh", "-c", script, "sh", *map(str, words)]


def test_every_event_is_told_in_order_one_at_a_time(tmp_path: Path) -> None:
    script = 'mkdir "$1/alone" && cat >> "$1/told" && rmdir "$1/alone"'
    log = told(shell(script, tmp_path), 5)
    assert [(one["event"], one["how"]) for one in log] == [("alert.ended", "exited with status 0")] * 5
    lines = (tmp_path / "told").read_text().splitlines()
    assert [json.loads(line)["life"] for line in lines] == list(range(5))


def test_an_event_is_one_line_of_json_with_the_fields_of_the_contract(tmp_path: Path) -> None:
    told(shell('cat > "$1/told"', tmp_path), 1)
    (line,) = (tmp_path / "told").read_text().splitlines()
    assert json.loads(line) == {
        "event": "watermark",
        "job": "j12",
        "life": 0,
        "policy": "watermark",
        "why": "7.0 GiB of 8.0 GiB",
        "memory": {"device_used": 7 * 2**30},
        "time": "2030-01-01T00:00:00.000+00:00",
    }


def test_how_it_ended_and_what_it_said_last_are_in_the_log() -> None:
    (line,) = told(shell("echo first; echo no network >&2; exit 3"), 1)
    assert (line["level"], line["how"], line["said"]) == ("warning", "exited with status 3", "no network")


def test_one_that_hangs_is_killed_with_all_it_started_and_the_next_is_told(tmp_path: Path) -> None:
    script = 'if mkdir "$1/first" 2>/dev/null; then sleep 600 & echo $! > "$1/pid"; wait; fi; echo told'
    first, second = told(shell(script, tmp_path), 2, limit_s=0.5)
    assert first["how"] == "took longer than 0.5 s and was killed"
    assert (second["how"], second["said"]) == ("exited with status 0", "told")
    assert proc.state(int((tmp_path / "pid").read_text())) in (None, "zombie")


def test_no_more_wait_than_a_bound_and_the_rest_are_named() -> None:
    log = told(["cat"], MOST_WAITING + 3)
    lost = [one for one in log if one["event"] == "alert.lost"]
    assert len(log) == MOST_WAITING + 3
    assert [one["why"] for one in lost] == [f"{MOST_WAITING} wait already"] * 2


def test_one_that_hangs_at_the_end_holds_nobody_up_for_long() -> None:
    loop_s = asyncio.new_event_loop()
    begun_s = loop_s.time()
    log = told(["sleep", "600"], 3, farewell_s=0.3)
    took_s = loop_s.time() - begun_s
    loop_s.close()
    assert took_s < 8
    assert [one["event"] for one in log] == ["alert.ended", "alert.lost", "alert.lost"]
    assert log[0]["how"] == "was ended with the work"


def test_a_flood_of_words_is_not_kept() -> None:
    (line,) = told(shell("head -c 50000000 /dev/zero | tr '\\0' x; echo; echo done"), 1)
    assert line["said"] == "done"


def test_a_program_that_is_not_there_is_a_line_in_the_log() -> None:
    (line,) = told(["no-such-program"], 1)
    assert "cannot be run" in str(line["said"])


def test_nobody_is_told_where_nobody_is_named() -> None:
    assert told([], 3) == []


def test_the_loop_goes_on_while_one_is_told() -> None:
    async def ticks() -> int:
        alerts = Alerts(["sleep", "0.3"], Log(format="text", level="error"))
        alerts.send(event(0))
        closing = asyncio.ensure_future(alerts.close())
        count = 0
        while not closing.done():
            await asyncio.sleep(0.001)
            count += 1
        return count

    assert asyncio.run(ticks()) > 10


def test_a_hundred_alerts_leave_no_descriptor() -> None:
    async def send(count: int) -> int:
        log = Log(format="text", level="error")
        for _ in range(count):
            alerts = Alerts(["true"], log)
            alerts.send(event(0))
            await alerts.close()
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names alone are counted

    async def both() -> tuple[int, int]:
        return await send(1), await send(100)

    before, after = asyncio.run(both())
    assert before == after


# ------------------------------------------------------------------ what is an alert


def gone(reason: Reason | None) -> ChildState:
    return ChildState(
        life=3,
        state="gone",
        why="words",
        signal=None,
        memory={"live": 1},
        planned=True,
        recycled=reason is not None,
        reason=reason,
    )


def decided(action: Act, policy: Policy) -> MemoryDecision:
    return MemoryDecision(life=3, action=action, policy=policy, why="words", memory={"live": 1})


@pytest.mark.parametrize(
    ("note", "name", "policy"),
    [
        (decided("flag", "leak"), "exhaustion_foreseen", "leak"),
        (decided("clean", "watermark"), "watermark", "watermark"),
        (decided("kill", "watermark"), "watermark", "watermark"),
        (decided("pause", "watermark"), "watermark", "watermark"),
        (gone("leak"), "recycle", "leak"),
        (gone("asked"), "recycle", None),
        (gone(None), None, None),
        (decided("resume", "watermark"), None, None),
        (decided("drain", "lookahead"), None, None),
        (Notice(level="warning", name="x", text="y"), None, None),
    ],
)
def test_a_person_is_told_of_what_a_person_may_want_to_know(
    note: Note, name: str | None, policy: str | None
) -> None:
    found = event_of(note, job="j12", at_s=0.0)
    assert (None if found is None else found.event) == name
    if found is not None:
        assert (found.policy, found.life, found.memory) == (policy, 3, {"live": 1})
        assert (found.job, found.time) == ("j12", "1970-01-01T00:00:00.000+00:00")


def test_a_child_that_handed_over_is_told_of_with_the_figures_of_its_last_decision() -> None:
    left = ChildState(
        life=3, state="gone", why="asked for", signal=None, memory={}, planned=True, recycled=True
    )
    for life, figures in ((3, {"live": 1}), (2, {})):
        last = MemoryDecision(life=life, action="drain", policy="leak", why="", memory={"live": 1})
        found = event_of(left, job="j12", at_s=0.0, decided=last)
        assert found is not None
        assert found.memory == figures


@pytest.mark.parametrize("error", [GaveUp("a crash loop"), ProcessStuck("held"), SupervisorError("no")])
def test_the_end_before_the_end_is_told_with_its_exit_code(error: SupervisorError) -> None:
    found = terminal_event(error, job="j12", at_s=0.0)
    assert found is not None
    assert (found.event, found.why, found.exit_code) == ("terminal", str(error), error.exit_code)


def test_who_stopped_it_need_not_be_told() -> None:
    assert terminal_event(Interrupted("stopped by SIGINT"), job="j12", at_s=0.0) is None
