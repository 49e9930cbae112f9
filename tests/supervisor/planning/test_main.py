import json
import os
import subprocess
import sys
from pathlib import Path
from typing import cast

import msgspec
import pytest

from supervisor.edge.ledger import Ledger, job_id_for
from supervisor.edge.voices import VoiceShelf
from supervisor.narration.plan import PlanSummary
from supervisor.wire.lifeline import PARENT_VARIABLE
from tests.book import make_book

pytestmark = pytest.mark.processes

OUTPUT = "/somewhere/book.flac"
JOB = job_id_for(OUTPUT)


class Failure(msgspec.Struct, forbid_unknown_fields=True):
    kind: str
    message: str
    input: str


class Answer(msgspec.Struct, forbid_unknown_fields=True):
    ok: PlanSummary | None = None
    error: Failure | None = None

    @property
    def summary(self) -> PlanSummary:
        assert self.ok is not None, self.error
        return self.ok

    @property
    def kind(self) -> str:
        assert self.error is not None
        return self.error.kind


def order(folder: Path, *paths: Path, save: bool = True, fresh: bool = False) -> dict[str, object]:
    return {
        "state": str(folder / "state"),
        "spec": {
            "job": JOB,
            "output": OUTPUT,
            "format": "flac",
            "sample_rate_hz": None,
            "engine": "scripted",
            "engine_identity": "scripted 1",
            "voice": {},
            "seed": 0,
            "pauses_s": {"none": 0.0, "sentence": 0.2, "paragraph": 0.5, "heading": 1.0},
            "inputs": [path.name for path in paths],
            "key": None,
        },
        "inputs": [{"path": str(path), "name": path.name, "text": None} for path in paths],
        "segment_chars": 200,
        "fresh": fresh,
        "save": save,
    }


def run(sent: object, *, parent: int | None = None) -> tuple[int, Answer]:
    environment = dict(os.environ)
    if parent is not None:
        environment[PARENT_VARIABLE] = str(parent)
    done = subprocess.run(
        [sys.executable, "-m", "supervisor.planning"],
        input=json.dumps(sent).encode() + b"\n",
        env=environment,
        capture_output=True,
        check=False,
    )
    answer = msgspec.json.decode(done.stdout, type=Answer) if done.stdout else None
    return done.returncode, answer or Answer()


def test_a_book_goes_into_the_ledger_whole(tmp_path: Path) -> None:
    book = tmp_path / "book.md"
    book.write_text(make_book(20_000), encoding="utf-8")
    status, answer = run(order(tmp_path, book), parent=os.getpid())
    assert status == 0
    summary = answer.summary
    assert summary.characters == 20_000
    assert 15_000 < summary.spoken_characters < 20_000
    ledger = Ledger.open(tmp_path / "state")
    view = ledger.view(JOB)
    ledger.close()
    assert view is not None
    assert (view.state, view.segments) == ("queued", summary.segments)


def test_a_report_alone_writes_nothing_and_says_the_same(tmp_path: Path) -> None:
    book = tmp_path / "book.md"
    book.write_text(make_book(5_000), encoding="utf-8")
    status, reported = run(order(tmp_path, book, save=False))
    assert status == 0
    assert not (tmp_path / "state").exists()
    assert run(order(tmp_path, book)) == (0, reported)


def test_an_unusable_input_costs_no_plan_that_is_there(tmp_path: Path) -> None:
    book = tmp_path / "book.txt"
    book.write_text("Hello.", encoding="utf-8")
    assert run(order(tmp_path, book))[0] == 0
    book.write_bytes(b"\xff")
    status, answer = run(order(tmp_path, book, fresh=True))
    assert status == 1
    assert answer.kind == "bad_input"
    assert answer.error is not None
    assert answer.error.input == "book.txt"
    ledger = Ledger.open(tmp_path / "state")
    view = ledger.view(JOB)
    ledger.close()
    assert view is not None
    assert view.segments == 1


def test_a_fresh_plan_replaces_the_one_that_is_there(tmp_path: Path) -> None:
    book = tmp_path / "book.txt"
    book.write_text("Hello.", encoding="utf-8")
    assert run(order(tmp_path, book))[0] == 0
    status, answer = run(order(tmp_path, book, fresh=True))
    assert (status, answer.summary.segments, answer.summary.reused) == (0, 1, 0)


def test_a_state_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    book = tmp_path / "book.txt"
    book.write_text("Hello.", encoding="utf-8")
    (tmp_path / "state").write_text("a file where the folder should be", encoding="utf-8")
    status, answer = run(order(tmp_path, book))
    assert status == 1
    assert answer.kind == "unwritable"


@pytest.mark.parametrize("sent", [{}, [], {"state": 1}])
def test_an_order_of_another_version_is_answered(sent: object) -> None:
    status, answer = run(sent)
    assert status == 1
    assert answer.kind == "internal"


def test_a_cloned_voice_and_a_recording_are_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("somebody")
    (tmp_path / "book.txt").write_text("Hello.", encoding="utf-8")
    shelf = VoiceShelf(tmp_path / "state")
    with shelf.adding("ada", f"{tmp_path}/a.wav", "Hello.") as voice:
        shelf.put(voice, replace=False)
    sent = order(tmp_path, tmp_path / "book.txt", save=False)
    both = {"name": "ada", "reference_path": f"{tmp_path}/a.wav", "reference_text": "Hello."}
    sent["spec"] = cast("dict[str, object]", sent["spec"]) | {"engine": "parrot", "voice": both}
    status, answer = run(sent)
    assert (status, answer.kind) == (1, "usage")


def test_without_its_parent_it_plans_nothing(tmp_path: Path) -> None:
    book = tmp_path / "book.txt"
    book.write_text("Hello.", encoding="utf-8")
    status, answer = run(order(tmp_path, book), parent=1)  # it is not: we are
    assert status != 0
    assert answer == Answer()
    assert not (tmp_path / "state").exists()
