"""`results.jsonl`: what became of each line, valid JSON, in the lines' order, at each end of a run."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from supervisor.edge.ledger import Ledger, job_id_for
from supervisor.edge.ledger_values import JobSpec
from supervisor.edge.statefolder import StateFolder
from supervisor.errors import Unwritable
from supervisor.narration.plan import VoiceSpec
from supervisor.planning.__main__ import OrderedInput, PlanningOrder, carry_out
from supervisor.planning.results import ResultsOrder, ResultsWritten, write_results
from tests.standin.jobs import speak

KEYS = ["id", "line", "text", "path", "seconds", "sha256", "state", "segments", "failed", "error"]
LINES = """\
{"uttid": "u1", "syn_text": "One sentence. 第二句。", "prompt_text": "", "prompt_speech": ""}

not json
{"id": 4, "text": "Four.", "sample_rate": 16000}
{"text": "Five.\\n\\nA paragraph."}
{"uttid": "u1", "syn_text": "Once more."}
{"output_name": "w.wav"}
"""


class Job:
    """A job of lines, planned and spoken as far as a test says."""

    def __init__(self, folder: Path, *inputs: tuple[str, str]) -> None:
        self.folder = folder
        self.output = f"{folder}/out/"
        self.job = job_id_for(self.output)
        self.state = StateFolder(folder / "state")
        self.paths = [folder / name for name, _ in inputs]
        for path, (_, text) in zip(self.paths, inputs, strict=True):
            path.write_text(text, "utf-8")
        self.plan()

    def plan(self) -> None:
        spec = JobSpec(
            job=self.job,
            output=self.output,
            format="wav",
            sample_rate_hz=None,
            engine="scripted",
            engine_identity="scripted 1",
            voice=VoiceSpec(),
            seed=0,
            pauses_s={},
            inputs=[path.name for path in self.paths],
        )
        inputs = [OrderedInput(path=str(path), name=path.name) for path in self.paths]
        carry_out(
            PlanningOrder(
                state=str(self.state.path),
                spec=spec,
                inputs=inputs,
                segment_chars=200,
                fresh=False,
                save=True,
            )
        )

    def speak(self, *, count: int = 100, deliver: bool = True) -> None:
        with closing(Ledger.open(self.state.path)) as ledger:
            for segment in ledger.waiting(self.job, -1, count):
                speak(ledger, self.state, self.job, segment)
            for file in ledger.files(self.job) if deliver else []:
                ledger.delivered(self.job, file.path, f"sha of {Path(file.path).name}", 4410, 22_050)

    def write(self) -> ResultsWritten:
        return write_results(ResultsOrder(state=str(self.state.path), job=self.job))

    def results(self) -> list[dict[str, Any]]:
        written = self.write()
        assert written == ResultsWritten(path=f"{self.output}results.jsonl")
        return [json.loads(line) for line in Path(written.path).read_text("utf-8").splitlines()]


def test_each_line_has_one_with_all_that_became_of_it(tmp_path: Path) -> None:
    job = Job(tmp_path, ("in.jsonl", LINES))
    job.speak()
    results = job.results()
    assert all(list(result) == KEYS for result in results)
    assert [(one["line"], one["id"], one["state"]) for one in results] == [
        (1, "u1", "done"),
        (3, "3", "failed"),
        (4, "4", "done"),
        (5, "5", "done"),
        (6, "u1", "failed"),
        (7, "w.wav", "failed"),
    ]
    assert results[0] == {
        "id": "u1",
        "line": 1,
        "text": "One sentence. 第二句。",
        "path": f"{job.output}u1.wav",
        "seconds": 0.2,
        "sha256": "sha of u1.wav",
        "state": "done",
        "segments": 1,
        "failed": 0,
        "error": None,
    }
    assert (results[3]["segments"], results[3]["text"]) == (2, "Five.\n\nA paragraph.")
    bad = results[4]
    assert (bad["text"], bad["path"], bad["sha256"], bad["failed"]) == ("Once more.", None, None, 1)
    assert "taken by line 1" in bad["error"]
    assert [results[at]["text"] for at in (1, 5)] == [None, None]


def test_a_run_that_was_stopped_says_what_waits(tmp_path: Path) -> None:
    job = Job(tmp_path, ("in.jsonl", LINES))
    job.speak(count=1, deliver=False)
    assert [one["state"] for one in job.results() if one["line"] in (1, 4, 5)] == [
        "done",
        "waiting",
        "waiting",
    ]
    assert {one["path"] for one in job.results()} == {None}
    job.speak()
    assert [one["state"] for one in job.results() if one["line"] in (1, 4, 5)] == ["done"] * 3


def test_a_line_of_which_something_failed_says_what(tmp_path: Path) -> None:
    job = Job(tmp_path, ("in.jsonl", LINES))
    with closing(Ledger.open(job.state.path)) as ledger:
        segment = next(one for one in ledger.waiting(job.job, -1, 9) if one.text == "A paragraph.")
        ledger.set_aside(job.job, segment.key, "quality", "silence in it")
    job.speak()
    five = next(one for one in job.results() if one["line"] == 5)
    assert (five["state"], five["segments"], five["failed"]) == ("failed", 2, 1)
    assert (five["error"], five["path"]) == ("quality: silence in it", f"{job.output}5.wav")


def test_lines_of_several_inputs_come_in_their_order_and_documents_have_none(tmp_path: Path) -> None:
    job = Job(
        tmp_path,
        ("a.jsonl", '\ufeff{"text": "A one.", "id": "a"}\n'),
        ("b.txt", "A book.\n\nOf two paragraphs."),
        ("c.JSONL", '{"text": "C one."}\n\ufeff\n{"text": "C three.", "id": "c"}'),
    )
    job.speak()
    told = [tuple(one[key] for key in ("id", "line", "text", "state", "segments")) for one in job.results()]
    assert told == [
        ("a", 1, "A one.", "done", 1),
        ("1", 1, "C one.", "done", 1),
        ("2", 2, None, "failed", 1),
        ("c", 3, "C three.", "done", 1),
    ]


def test_a_job_of_documents_has_no_results(tmp_path: Path) -> None:
    job = Job(tmp_path, ("a.txt", "A book."))
    assert job.write() == ResultsWritten()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", ['{"text": "mine"}\n', "mine", '{"id": "x", "line": 1}'])
def test_a_file_of_somebody_elses_is_left_alone(tmp_path: Path, content: str) -> None:
    job = Job(tmp_path, ("in.jsonl", LINES))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.jsonl").write_text(content)
    written = job.write()
    assert written.path == ""
    assert "left as it is" in written.notice
    assert (tmp_path / "out" / "results.jsonl").read_text() == content


def test_an_empty_file_and_one_of_an_earlier_run_are_written_over(tmp_path: Path) -> None:
    job = Job(tmp_path, ("in.jsonl", LINES))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.jsonl").touch()
    assert job.results()[0]["id"] == "u1"
    job.paths[0].write_text('{"id": "new", "text": "New."}', "utf-8")
    job.plan()
    assert [one["id"] for one in job.results()] == ["new"]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    job = Job(tmp_path, ("in.jsonl", LINES))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.jsonl").mkdir()
    assert "left as it is" in job.write().notice
    (tmp_path / "out" / "results.jsonl").rmdir()
    (tmp_path / "out").rmdir()
    (tmp_path / "out").touch()
    with pytest.raises(Unwritable):
        job.results()
