import json
from contextlib import closing
from typing import Any

import pytest

from supervisor.edge.ledger import Ledger
from supervisor.edge.statefolder import FOLDER_NAME, StateFolder
from supervisor.loop.requests import InputSpec, JobRequest
from supervisor.loop.submitted import submit
from supervisor.narration.plan import VoiceSpec
from tests.supervisor.cli.driver import SCRIPTED, Home

pytestmark = pytest.mark.processes

POISON = ("--set", 'engine.faults.poison={xyzzy="exit"}', "--set", "child.attempts=1")
TEXT = "# One\n\nAll is well.\n\n# Two\n\nHere is xyzzy.\n"


@pytest.fixture
def spoilt(home: Home) -> Home:
    """A home with one job of two chapters, of which a segment failed."""
    home.write("book.md", TEXT)
    assert home.run(*SCRIPTED, *POISON, "narrate", "book.md", "-o", "book.wav").code == 3
    return home


def only_job(home: Home) -> dict[str, Any]:
    (job,) = json.loads(home.run("jobs", "list", "--json").out)
    return job


def test_where_nothing_was_narrated_the_list_is_empty_and_no_folder_is_made(home: Home) -> None:
    done = home.run("--state", "nowhere", "jobs", "list", "--json")
    assert (done.code, json.loads(done.out)) == (0, [])
    assert not (home.path / "nowhere").exists()


def test_a_job_is_shown_with_chapters_failures_and_every_character(spoilt: Home) -> None:
    job = only_job(spoilt)
    assert (job["state"], job["segments"], job["failed"]) == ("done", 4, 1)
    shown = spoilt.run("jobs", "show", str(job["job"]), "--json").last_json
    assert shown.items() >= job.items()
    assert [chapter["title"] for chapter in shown["chapters"]] == ["One", "Two"]
    assert [failure["text_head"] for failure in shown["failures"]] == ["Here is xyzzy."]
    (manifest,) = shown["manifest"]
    assert manifest["characters"] == len(TEXT)
    edges = [edge for span in manifest["spans"] for edge in (span["start"], span["end"])]
    assert edges[0] == 0
    assert edges[-1] == len(TEXT)
    assert edges[1:-1:2] == edges[2:-1:2]
    for_people = spoilt.run("jobs", "show", "book.wav").out
    assert "Here is xyzzy." in for_people
    assert "markup" in for_people


def test_verify_says_yes_until_an_output_is_touched(spoilt: Home) -> None:
    assert spoilt.run("jobs", "verify", "book.wav").code == 0
    with (spoilt.path / "book.wav").open("r+b") as file:
        file.seek(100)
        file.write(b"\x55")
    done = spoilt.run("jobs", "verify", "book.wav", "--json")
    assert (done.code, done.last_json["ok"]) == (1, False)
    assert "problem" in spoilt.run("jobs", "verify", "book.wav").out


def test_a_job_whose_parent_was_killed_is_parked_and_one_with_an_owner_is_not(spoilt: Home) -> None:
    state = StateFolder(spoilt.path / ".local" / "state" / FOLDER_NAME)
    with closing(Ledger.open(state.path)) as ledger:
        ledger.set_state(str(only_job(spoilt)["job"]), "running")
    with state.lock():
        assert only_job(spoilt)["state"] == "running"
    job = only_job(spoilt)
    assert (job["state"], "run the same command again" in job["error"]) == ("parked", True)
    shown = spoilt.run("jobs", "show", "book.wav")
    assert "parked: the process that spoke it is gone" in shown.out
    assert spoilt.run("jobs", "show", "book.wav", "--json").last_json["state"] == "parked"


def test_retry_speaks_what_failed_from_the_text_in_the_ledger(spoilt: Home) -> None:
    (spoilt.path / "book.md").unlink()
    done = spoilt.run(*SCRIPTED, "jobs", "retry", str(only_job(spoilt)["job"]), "--json")
    events = [json.loads(line) for line in done.lines]
    spoken = [event["params"]["segment"] for event in events if event.get("method") == "job/segment"]
    assert (done.code, spoken) == (0, [3])
    assert only_job(spoilt)["failed"] == 0


def test_a_job_that_is_done_cannot_be_cancelled_but_removed(spoilt: Home) -> None:
    cancel = spoilt.run("jobs", "cancel", "book.wav")
    assert cancel.code == 1
    assert "nothing to cancel" in cancel.err
    assert spoilt.run("jobs", "remove", "book.wav").code == 0
    assert json.loads(spoilt.run("jobs", "list", "--json").out) == []
    assert (spoilt.path / "book.wav").exists()


def submitted(home: Home, name: str, text: str) -> str:
    """Have a job wait in the ledger, as a service leaves it that took it in and was killed."""
    request = JobRequest(
        output=str(home.path / name),
        format="wav",
        sample_rate_hz=None,
        voice=VoiceSpec(),
        seed=7,
        inputs=[InputSpec(path=None, name="text", text=text)],
        folder=str(home.path),
    )
    with closing(Ledger.open(home.path / ".local" / "state" / FOLDER_NAME)) as ledger:
        return submit(ledger, request, 1.7e9).job


@pytest.mark.timeout(60)  # eight commands
def test_a_job_that_waits_for_a_service_is_shown_and_can_be_cancelled_and_done_here(home: Home) -> None:
    job = submitted(home, "out.wav", "Hello.")
    assert (only_job(home)["job"], only_job(home)["state"], only_job(home)["segments"]) == (job, "queued", 0)
    assert f"{home.path}/out.wav" in home.run("jobs", "list").out
    shown = home.run("jobs", "show", "out.wav", "--json").last_json
    assert (shown["state"], shown["output"], shown["inputs"]) == ("queued", f"{home.path}/out.wav", ["text"])
    assert "queued: not planned yet" in home.run("jobs", "show", "out.wav").out
    unplanned = home.run("jobs", "verify", "out.wav")
    assert (unplanned.code, "not planned yet" in unplanned.err) == (1, True)
    assert home.run("jobs", "cancel", "out.wav").code == 0
    assert only_job(home)["state"] == "cancelled"
    done = home.run(*SCRIPTED, "jobs", "retry", "out.wav")
    assert (done.code, done.lines) == (0, [f"{home.path}/out.wav"]), done.err
    assert (only_job(home)["state"], only_job(home)["done"]) == ("done", 1)


def test_a_job_that_is_in_hand_is_cancelled_by_its_owner_alone(home: Home) -> None:
    job = submitted(home, "out.wav", "Hello.")
    state = StateFolder(home.path / ".local" / "state" / FOLDER_NAME)
    with closing(Ledger.open(state.path)) as ledger, state.lock():
        ledger.take(job)
        refused = home.run("jobs", "cancel", "out.wav")
        assert refused.code == 75
        assert f"job {job} is being spoken by process" in refused.err
        assert [view.state for view in ledger.views()] == ["running"]
    assert home.run("jobs", "cancel", "out.wav").code == 0
    assert only_job(home)["state"] == "cancelled"


@pytest.mark.timeout(60)  # eleven commands
def test_a_job_that_waits_for_a_service_is_paused_and_goes_on(home: Home) -> None:
    job = submitted(home, "out.wav", "Hello.")
    assert home.run("jobs", "resume", "out.wav").code == 1, "it is not paused"
    assert home.run("jobs", "pause", "out.wav", "--json").last_json["state"] == "paused"
    assert home.run("jobs", "pause", "out.wav").code == 0
    assert "paused by request" in home.run("jobs", "show", "out.wav").out
    state = StateFolder(home.path / ".local" / "state" / FOLDER_NAME)
    with closing(Ledger.open(state.path)) as ledger, state.lock():
        ledger.park_abandoned()
        assert home.run("jobs", "pause", "out.wav").code == 0, (
            "whoever owns the folder does not speak this one"
        )
        assert only_job(home)["state"] == "paused"
    resumed = home.run("jobs", "resume", "out.wav")
    assert (resumed.code, "is queued" in resumed.err) == (0, True)
    assert (only_job(home)["job"], only_job(home)["state"]) == (job, "queued")
    assert home.run(*SCRIPTED, "jobs", "retry", "out.wav").code == 0
    over = home.run("jobs", "pause", "out.wav")
    assert (over.code, "is done: there is nothing to pause" in over.err) == (1, True)


@pytest.mark.timeout(60)  # eight commands
def test_the_beginning_of_an_id_is_enough_and_an_unknown_one_is_told(spoilt: Home) -> None:
    job = str(only_job(spoilt)["job"])
    assert spoilt.run("jobs", "show", job[:5]).code == 0
    for words in (("show", ""), ("show", "j"), ("remove", ""), ("remove", job[:9]), ("cancel", job[:9])):
        assert spoilt.run("jobs", *words).code == 2
    assert only_job(spoilt)["job"] == job
    unknown = spoilt.run("jobs", "show", "nonesuch")
    assert unknown.code == 2
    assert "jobs list" in unknown.err
