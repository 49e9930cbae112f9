"""Who follows a job hears of it, stops it, and outlives the service, within bounds."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.cli import following
from supervisor.cli.calling import Caller
from supervisor.cli.following import Following, Over, Stops, must_not_be_stopped
from supervisor.core.notes import Note, Notice, Stage
from supervisor.errors import Interrupted, SupervisorError, TryLater
from tests.supervisor.cli.lines_service import Json, caller, lines_service, note, refusal, result

STAGE = {"name": "narrating", "detail": ""}


def follow(
    path: Path,
    stops: Stops,
    *,
    ours: bool = True,
    show: Callable[[Note], None] = lambda _: None,
    reach: Callable[[], Caller | None] = lambda: None,
) -> Over:
    return Following("j1", ours=ours, show=show, stops=stops, reach=reach).until_over(caller(path))


def test_what_is_told_of_the_job_is_shown_and_its_end_is_returned(tmp_path: Path) -> None:
    shown: list[Note] = []

    def answering(request: Json) -> list[Json]:
        others = note("j2", "stage", **STAGE)
        unknown = note("j1", "of a later version", whatever=1)
        return [others, unknown, note("j1", "stage", **STAGE), result(request, state="done", exit_code=3)]

    with lines_service(tmp_path / "s", answering) as asked, Stops() as stops:
        assert follow(tmp_path / "s", stops, show=shown.append) == Over(state="done", exit_code=3)
    assert (shown, asked) == ([Stage(name="narrating", detail="")], ["jobs/watch"])


def test_a_signal_takes_back_a_job_of_ones_own(tmp_path: Path) -> None:
    waiting: list[Json] = []

    def answering(request: Json) -> list[Json]:
        if request["method"] == "jobs/watch":
            waiting.append(request)
            os.kill(os.getpid(), signal.SIGTERM)
            return []
        return [result(request, state="cancelled"), result(waiting[0], state="cancelled", exit_code=1)]

    with lines_service(tmp_path / "s", answering) as asked, Stops() as stops:
        with pytest.raises(Interrupted, match="stopped by SIGTERM; run the same command again to go on"):
            follow(tmp_path / "s", stops)
        assert asked == ["jobs/watch", "jobs/cancel"]


def test_a_second_signal_waits_for_nothing(tmp_path: Path) -> None:
    def answering(request: Json) -> list[Json]:
        os.kill(os.getpid(), signal.SIGINT if request["method"] == "jobs/watch" else signal.SIGHUP)
        return []

    with lines_service(tmp_path / "s", answering), Stops() as stops:
        with pytest.raises(Interrupted, match="job j1 is being stopped"):
            follow(tmp_path / "s", stops)
        assert stops.taken == ["SIGINT", "SIGHUP"]


def test_a_job_of_others_is_left_alone(tmp_path: Path) -> None:
    def answering(_: Json) -> list[Json]:
        os.kill(os.getpid(), signal.SIGINT)
        return []

    with lines_service(tmp_path / "s", answering) as asked, Stops() as stops:
        with pytest.raises(
            Interrupted, match=r"the service goes on with it: 'tts-supervisor jobs cancel j1'"
        ):
            follow(tmp_path / "s", stops, ours=False)
        assert asked == ["jobs/watch"]


def test_a_stop_that_cannot_be_noted_is_told(tmp_path: Path) -> None:
    def answering(request: Json) -> list[Json]:
        if request["method"] == "jobs/cancel":
            return [refusal(request, "disk_full", "the disk is full", retryable=True)]
        os.kill(os.getpid(), signal.SIGINT)
        return []

    with (
        lines_service(tmp_path / "s", answering),
        Stops() as stops,
        pytest.raises(TryLater, match="the disk is full"),
    ):
        follow(tmp_path / "s", stops)


@pytest.mark.parametrize("is_said", [True, False])
def test_the_next_service_is_asked_where_this_one_ended(tmp_path: Path, *, is_said: bool) -> None:
    shown: list[Note] = []
    calls: list[Json] = []

    def answering(request: Json) -> list[Json] | None:
        calls.append(request)
        if len(calls) == 1:
            return [refusal(request, "shutting_down", "the work is over")] if is_said else None
        return [result(request, state="done", exit_code=0)]

    with lines_service(tmp_path / "s", answering), Stops() as stops:
        over = follow(tmp_path / "s", stops, show=shown.append, reach=lambda: caller(tmp_path / "s"))
    assert over.exit_code == 0
    words = [each.text for each in shown if isinstance(each, Notice)]
    assert ["waiting 20 s" in words[0], words[1:]] == [True, ["the service is back"]]


def test_where_none_comes_back_the_job_is_named_and_said_to_be_safe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "RETURN_S", 0.02)
    monkeypatch.setattr(following, "_LOOK_S", 0.01)
    with (
        lines_service(tmp_path / "s", lambda _: None),
        Stops() as stops,
        pytest.raises(
            TryLater, match=r"job j1 and all that is spoken of it are on the disk: start the service"
        ),
    ):
        follow(tmp_path / "s", stops)


def test_a_signal_ends_the_waiting_for_the_next(tmp_path: Path) -> None:
    def reach() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with (
        lines_service(tmp_path / "s", lambda _: None),
        Stops() as stops,
        pytest.raises(Interrupted, match="the next one goes on with job j1"),
    ):
        follow(tmp_path / "s", stops, reach=reach)


def test_a_service_that_says_nothing_is_asked_and_then_named_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PROMPT_S", 0.05)
    shown: list[Note] = []
    waiting: list[Json] = []

    def show(each: Note) -> None:
        shown.append(each)
        if isinstance(each, Notice):
            os.kill(os.getpid(), signal.SIGINT)  # it would wait on

    def answering(request: Json) -> list[Json]:
        if request["method"] == "jobs/watch":
            waiting.append(request)
        if request["method"] == "jobs/cancel":
            return [result(waiting[0], state="done", exit_code=0)]
        return []

    with lines_service(tmp_path / "s", answering) as asked, Stops() as stops:
        over = follow(tmp_path / "s", stops, show=show)
    assert over.state == "done", "what was done before the stop came is done"
    assert "ping" in asked
    (complaint,) = [each.text for each in shown if isinstance(each, Notice)]
    assert "does not answer" in complaint


def test_a_job_that_is_not_known_is_a_failure(tmp_path: Path) -> None:
    with (
        lines_service(tmp_path / "s", lambda request: [refusal(request, "bad_input", "there is no job j1")]),
        Stops() as stops,
        pytest.raises(SupervisorError, match="no job j1"),
    ):
        follow(tmp_path / "s", stops)


def test_signals_are_given_back_and_one_before_the_work_ends_it() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Stops() as stops:
        must_not_be_stopped(stops)
        assert not stops.came_within(0)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stops.came_within(5)
        stops.clear()
        assert not stops.came_within(0)
        with pytest.raises(Interrupted):
            must_not_be_stopped(stops)
    assert signal.getsignal(signal.SIGTERM) == before
