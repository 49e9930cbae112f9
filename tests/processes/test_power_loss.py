"""The power goes at a random moment of a running job: what is left goes on, elsewhere, to the same bytes.

Three ways to lose it: every call noted and replayed to any state that a disk may be left in (diskjournal.py),
files copied as they are, and a real ext4 that takes no more writes.
"""

import hashlib
import itertools
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.edge.ledger import Ledger, LedgerError
from supervisor.edge.voices import VoiceShelf
from tests.book import make_book
from tests.processes import diskjournal
from tests.processes.diskjournal import Disk, Loss
from tests.processes.narration import Narration, Task, ask, narrate, ours, paragraphs, survivors, tell
from tests.processes.powercut import Calm, Noted, Place, Tally, assert_whole, digest, unwatched
from tests.processes.serving import Serving
from tests.standin.loopdisk import LoopDisk, loop_disk
from tests.tree import ROOT

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

SCRIPTED = {"engine.name": '"scripted"', "engine.scripted.seconds_per_char": "0.01"}
ENGINES = {"PYTHONPATH": str(ROOT / "tests" / "engines")}

#: What only a journal can rehearse; as they are, files can be copied.
LOST = (Loss.BARE, Loss.JOURNALLED, Loss.TORN)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("gcc") is None:
        pytest.skip("what notes the writes of a run is built with gcc")
    return diskjournal.build(tmp_path_factory.mktemp("diskjournal"))


@pytest.fixture
def place(tmp_path: Path, library: Path) -> Place:
    return Place(folder=tmp_path, library=library)


# ------------------------------------------------------------------ the journal itself

FORGETFUL = """
import os
def put(name, content):
    fd = os.open(name, os.O_CREAT | os.O_WRONLY)
    os.write(fd, content)
    return fd
def settle(folder):
    fd = os.open(folder, os.O_RDONLY)
    os.fsync(fd)
os.chdir("FOLDER")
os.mkdir("kept")
settle(".")
os.fsync(put("kept/whole", b"w" * 2000))
settle("kept")
put("kept/late", b"l" * 2000)
os.fsync(put("kept/nameless", b"n"))
os.rename("kept/whole", "kept/renamed")
os.mkdir("unsure")
os.fsync(put("unsure/lost", b"u"))
settle("unsure")
"""


def test_a_disk_has_what_was_fsynced_and_of_the_rest_anything(place: Place) -> None:
    place.below.mkdir()
    env = os.environ | diskjournal.environment(place.library, place.journal, place.below)
    script = FORGETFUL.replace("FOLDER", str(place.below))
    subprocess.run([sys.executable, "-c", script], check=True, env=env, cwd=place.below)
    disk = Disk(place.below).take(diskjournal.read(place.journal))
    assert_whole(place.below, disk)
    assert disk.after(Loss.BARE, random.Random(0)).files == {"kept/whole": b"w" * 2000}
    chance = random.Random(1)
    trees = [disk.after(Loss.TORN, chance) for _ in range(400)]
    for tree in trees:
        assert ("kept/whole" in tree.files) != ("kept/renamed" in tree.files)
        assert tree.files.get("kept/whole", tree.files.get("kept/renamed")) == b"w" * 2000
        assert tree.files.get("kept/nameless", b"n") == b"n"
        assert ("unsure/lost" in tree.files) == ("unsure" in tree.folders)
    assert {len(tree.files.get("kept/late", b"")) for tree in trees} >= {0, 512, 1024, 1536, 2000}
    assert any(0 < tree.files.get("kept/late", b"").count(b"\0") < 2000 for tree in trees)
    # A journal keeps names in order: the last fsync of a folder takes all names before it along.
    for tree in (disk.after(Loss.JOURNALLED, chance) for _ in range(20)):
        assert set(tree.files) == {"kept/renamed", "kept/late", "kept/nameless", "unsure/lost"}


# ------------------------------------------------------------------ jobs


def a_book(place: Place, text: str, sets: Mapping[str, str]) -> Noted:
    path = place.folder / "book.md"
    path.write_text(text, "utf-8")
    return Noted(place, place.task(path, "story.flac", sets))


def lines(place: Place, count: int) -> Noted:
    """A JSONL whose lines are spoken by recordings, into a folder."""
    for name in ("ada", "bob"):
        (place.folder / f"{name}.wav").write_bytes(name.encode() * 500)
    path = place.folder / "lines.jsonl"
    texts = zip(paragraphs(count).split("\n\n"), itertools.cycle(("ada", "bob")))
    told = [
        {"uttid": f"u{number}", "syn_text": text, "prompt_text": "Says.", "prompt_speech": f"{who}.wav"}
        for number, (text, who) in enumerate(texts)
    ]
    path.write_text("".join(json.dumps(each) + "\n" for each in told), "utf-8")
    sets = {"engine.name": '"tone-cloner"', "engine.tone_cloner.diary": f'"{place.folder}/diary"'}
    return Noted(place, place.task(path, None, sets, ENGINES))


def cut(noted: Noted, place: Place, *, count: int, seed: int) -> None:
    """Cut the power so often, look at what is left each time, and go on with it."""
    chance, tally = random.Random(seed), Tally()
    for number, moment in enumerate(noted.moments(count, chance)):
        loss = list(Loss)[number % len(Loss)]
        tree = noted.left(moment, loss, chance)
        tally.moments[loss.value] += 1
        tally.states.add(digest(tree))
        assert noted.unlawful(tree, moment) == []
        noted.assert_goes_on(tree, place.folder / f"elsewhere{number}")
    tell(f"power cuts: {tally}, of a job with {len(noted.records)} calls; all went on to the same bytes")


def test_whenever_the_power_goes_what_is_told_and_what_is_called_done_is_there(place: Place) -> None:
    noted = a_book(place, paragraphs(5), SCRIPTED)
    assert noted.unlawful_anywhere(LOST, random.Random(2)) == []


def test_whenever_the_power_goes_a_recording_that_is_planned_is_there(place: Place) -> None:
    noted = lines(place, 2)
    assert noted.unlawful_anywhere(LOST, random.Random(2)) == []


def test_what_a_power_cut_leaves_goes_on_elsewhere_to_the_same_bytes(place: Place) -> None:
    cut(a_book(place, paragraphs(12), SCRIPTED), place, count=4, seed=1)


def test_what_it_leaves_of_lines_and_recordings_goes_on(place: Place) -> None:
    cut(lines(place, 3), place, count=2, seed=4)


def test_what_it_leaves_of_a_book_that_espeak_speaks_goes_on(place: Place) -> None:
    cut(a_book(place, make_book(900), {}), place, count=1, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_hundred_power_cuts_change_no_byte(place: Place) -> None:
    cut(a_book(place, paragraphs(30), SCRIPTED), place, count=100, seed=100)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_forty_power_cuts_change_no_byte_of_lines_that_are_spoken_by_recordings(place: Place) -> None:
    cut(lines(place, 4), place, count=40, seed=40)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_twenty_power_cuts_change_no_byte_of_a_book_that_espeak_speaks(place: Place) -> None:
    cut(a_book(place, make_book(3000), {}), place, count=20, seed=20)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_ledger_that_is_written_back_in_the_midst_of_a_job_loses_nothing(place: Place) -> None:
    noted = a_book(place, paragraphs(350), SCRIPTED)
    numbered = enumerate(noted.records, 1)
    back = [at for at, record in numbered if record.kind == "b" and record.path.endswith("/ledger.sqlite3")]
    # Once when it is made, once when it is closed; and between them whenever its log is full.
    assert len(back) > 2, "its log was never full: the text is too short"
    chance = random.Random(5)
    moments = [at + chance.randint(-10, 40) for at in back for _ in range(20)]
    for moment in moments:
        for loss in LOST:
            assert noted.unlawful(noted.left(min(moment, len(noted.records)), loss, chance), moment) == []


# ------------------------------------------------------------------ killed first


def kill_and_cut(noted: Noted, calls: str) -> int:
    """Kill a run right after some calls, each time run it again, and cut the power at any moment of that.

    Args:
        noted: The run.
        calls: Which: a pattern for their kind, path and other path.
    """
    chance, kills = random.Random(3), 0
    for moment, record in enumerate(noted.records, 1):
        if re.search(calls, f"{record.kind} {record.path} {record.other}"):
            assert noted.again_after_a_kill(moment).unlawful_anywhere((Loss.BARE,), chance) == []
            kills += 1
    return kills


def test_names_that_a_killed_run_left_unsure_are_made_sure_by_the_next(place: Place) -> None:
    # After a rename: the recording is there for everybody, and its name is not on disk yet.
    assert kill_and_cut(lines(place, 2), r"^r .*/recordings/\w+\.wav$") == 2


def test_folders_that_a_killed_run_left_unsure_are_made_sure_by_the_next(place: Place) -> None:
    assert kill_and_cut(a_book(place, paragraphs(2), SCRIPTED), "^m .*/(state|audio|out) $") == 3


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_after_a_kill_at_any_name_a_power_cut_takes_nothing_that_was_told(place: Place) -> None:
    kills = kill_and_cut(lines(place, 3), "^[mrlu]")
    tell(
        f"{kills} kills, each right after a name was made or taken; the power cut at every moment of the next"
    )


# ------------------------------------------------------------------ jobs of a service


def test_a_job_whose_submission_was_answered_is_done_elsewhere_whenever_the_power_goes(place: Place) -> None:
    text, runtime = place.folder / "book.md", place.folder / "runtime"
    text.write_text(paragraphs(3), "utf-8")
    runtime.mkdir(mode=0o700)
    task = place.task(text, "story.flac", SCRIPTED, {"XDG_RUNTIME_DIR": str(runtime)})
    with Serving(task) as service:
        asked = {"inputs": [str(text)], "output": str(task.output), "key": "night"}
        job = str(service.ask("jobs/submit", **asked)["job"])
        service.wait_for(job, "done")
        assert service.hang_up() == 0
    calm = Calm(task)
    moments = after_the_answer(place, f'"job":"{job}"'.encode())
    for number, moment in enumerate((moments[0], random.Random(7).choice(moments))):
        elsewhere = place.folder / f"elsewhere{number}"
        tree = (
            Disk(place.below)
            .take(diskjournal.read(place.journal)[:moment])
            .after(Loss.BARE, random.Random(0))
        )
        place.restore(tree, elsewhere)
        with Serving(unwatched(task, elsewhere)) as service:
            assert service.ask("jobs/submit", **asked)["job"] == job
            service.wait_for(job, "done")
            assert service.hang_up() == 0
        assert Calm(task).outputs == calm.outputs


def after_the_answer(place: Place, answer: bytes) -> list[int]:
    """Moments from the first at which an answer is out; at each of them a power cut leaves the job."""
    moments: list[int] = []
    disk, looked_at = Disk(place.below), place.folder / "looked_at"
    for moment, record in enumerate(diskjournal.read(place.journal), 1):
        disk.take([record])
        is_out = record.kind == "a" and answer in record.content.replace(b" ", b"")
        if (is_out and not moments) or (moments and record.kind == "s" and moment >= moments[-1] + 20):
            moments.append(moment)
            disk.after(Loss.BARE, random.Random(0)).write("state", looked_at)
            with closing(Ledger.open(looked_at, read_only=True)) as ledger:
                assert len(ledger.views()) == 1
            shutil.rmtree(looked_at)
    return moments


# ------------------------------------------------------------------ voices


def voices(task: Task, *words: str) -> str:
    done = ask(task, "voices", *words)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_voice_is_there_with_its_recording_or_not_at_all(place: Place) -> None:
    first, second = (place.folder / f"{name}.wav" for name in ("first", "second"))
    for path in (first, second):
        path.write_bytes(path.name.encode() * 700)
    sets = {"engine.name": '"tone-cloner"', "engine.tone_cloner.diary": f'"{place.folder}/diary"'}
    task = place.task(first, "unused.wav", sets, ENGINES)
    ends: list[tuple[int, Path | None]] = [(0, None)]
    for recording, words in (
        (first, ("add", "ada", "--reference", str(first), "--text", "One.")),
        (second, ("add", "ada", "--reference", str(second), "--text", "Two.", "--replace")),
        (None, ("remove", "ada")),
    ):
        voices(task, *words)
        ends.append((len(diskjournal.read(place.journal)), recording))
    assert_voices(place, ends)


def assert_voices(place: Place, ends: list[tuple[int, Path | None]]) -> None:
    """While a command runs it is as before or as after; from its end on it is as that has left it."""
    disk, chance, state = Disk(place.below), random.Random(6), place.folder / "looked_at"
    for moment, record in enumerate(diskjournal.read(place.journal), 1):
        disk.take([record])
        last = [recording for end, recording in ends if end <= moment][-1:]
        allowed = last + [recording for end, recording in ends if end > moment][:1]
        for loss in LOST if record.kind in "sural" else ():
            disk.after(loss, chance).write("state", state)
            assert voice_there(state) in map(sha256, allowed), f"{loss} after {record}"
            shutil.rmtree(state, ignore_errors=True)


def voice_there(state: Path) -> str:
    shelf = VoiceShelf(state)
    found = shelf.find("ada")
    return "" if found is None else sha256(shelf.recording(found))


def sha256(path: Path | None) -> str:
    return "" if path is None else hashlib.sha256(path.read_bytes()).hexdigest()


# ------------------------------------------------------------------ files as they are


def plain(folder: Path, count: int) -> Task:
    """A job that takes its time, on the folder given."""
    text = folder.parent / "book.md"
    text.write_text(paragraphs(count), "utf-8")
    sets = {**SCRIPTED, "engine.scripted.wall_per_char_s": "0.0004"}
    return Task(text=text, output=folder / "out" / "story.flac", state=folder / "state", sets=sets)


def calm_end(task: Task) -> tuple[Calm, float]:
    """How it ends, and how long it takes; its files are gone again."""
    took_s = narrate(task).age_s
    calm = Calm(task)
    forget(task)
    return calm, took_s


def forget(task: Task) -> None:
    for folder in (task.state, task.output.parent):
        shutil.rmtree(folder, ignore_errors=True)


def copies(task: Task, run: Narration, count: int, within_s: float, chance: random.Random) -> list[Path]:
    """Stop a run at random moments, copy its files, and let it go on."""
    made: list[Path] = []
    for at_s in sorted(chance.uniform(0.0, within_s) for _ in range(count)):
        if run.over_after(at_s - run.age_s):
            break
        made.append(task.text.parent / f"copy{len(made)}")
        stopped = {run.pid, *ours(task.state)}
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            shutil.copytree(task.state.parent, made[-1])
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
    return made


def assert_copies_go_on(tmp_path: Path, *, count: int, seed: int) -> None:
    (tmp_path / "run").mkdir()
    task, chance, total = plain(tmp_path / "run", 40), random.Random(seed), 0
    calm, took_s = calm_end(task)
    while total < count:
        with Narration(task) as run:
            made = copies(task, run, min(8, count - total), took_s, chance)
            assert run.exit_code() == 0, run.tail()
        for copy in made:
            forget(task)
            if (copy / "out").exists():
                shutil.copytree(copy / "out", task.output.parent)
            calm.assert_same_end(replace(task, state=copy / "state"))
            shutil.rmtree(copy)
        total += len(made)
        forget(task)
    tell(f"{total} copies of a running job's files as they were; all went on elsewhere to the same bytes")


def test_copies_of_a_running_jobs_files_go_on_elsewhere(tmp_path: Path) -> None:
    assert_copies_go_on(tmp_path, count=2, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_forty_copies_of_a_running_jobs_files_go_on_elsewhere(tmp_path: Path) -> None:
    assert_copies_go_on(tmp_path, count=40, seed=40)


# ------------------------------------------------------------------ a real disk


def cut_for_real(disk: LoopDisk, task: Task, segments: int, after_s: float) -> set[int]:
    """Take the disk's power in the midst of a run; return which segments were told to be done.

    Args:
        disk: All of the task's is on it.
        task: The run.
        segments: So many are spoken first.
        after_s: And so long is waited.
    """
    with Narration(task) as run:
        for _ in range(segments):
            run.until(lambda event: event.event == "segment.done")
        run.over_after(after_s)
        disk.cut_power()
        while event := run.next(0.0):
            del event
        run.kill()
    assert survivors(task.state, limit_s=20.0) == []
    disk.start_again()
    return {event.segment for event in run.seen if event.event == "segment.done"}


def done_in(state: Path) -> set[int]:
    try:
        ledger = Ledger.open(state, read_only=True)
    except LedgerError:
        return set()
    with closing(ledger):
        every = [segment for view in ledger.views() for segment in ledger.segments(view.job)]
        return {segment.number for segment in every if segment.state == "done"}


def assert_real_cuts_change_no_byte(tmp_path: Path, *, count: int, seed: int) -> None:
    chance, told_in_all = random.Random(seed), 0
    with loop_disk(tmp_path / "disk") as disk:
        task = plain(disk.folder, 40)
        calm, _ = calm_end(task)
        for number in range(count):
            told = cut_for_real(
                disk, task, chance.randrange(41), chance.choice((0.01, 0.3)) * chance.random()
            )
            elsewhere = tmp_path / f"elsewhere{number}"
            elsewhere.mkdir()
            if task.state.exists():
                shutil.copytree(task.state, elsewhere, dirs_exist_ok=True)
            assert told <= done_in(elsewhere)
            calm.assert_same_end(replace(task, state=elsewhere))
            forget(task)
            told_in_all += len(told)
    tell(f"{count} times an ext4 lost its power; of {told_in_all} segments told to be done none was lost")


def test_an_ext4_that_loses_its_power_keeps_what_was_told(tmp_path: Path) -> None:
    assert_real_cuts_change_no_byte(tmp_path, count=1, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_twenty_times_an_ext4_loses_its_power(tmp_path: Path) -> None:
    assert_real_cuts_change_no_byte(tmp_path, count=20, seed=20)
