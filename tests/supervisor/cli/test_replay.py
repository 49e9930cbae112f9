import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor.core.traces import Reading, encode
from tests.supervisor.cli.driver import Done, Home, command
from tests.supervisor.nights import GIB, LIVE_WHY, night, write

pytestmark = pytest.mark.processes

KEYS = {"trace", "t", "action", "policy", "why"}


@pytest.fixture
def leaky(home: Home) -> Path:
    """A trace with decisions in it."""
    return write(home.path / "leaky.jsonl", night(segments=150))


def decisions(done: Done) -> list[dict[str, object]]:
    return [json.loads(line) for line in done.lines]


# ------------------------------------------------------------------ for programs


def test_json_is_one_line_a_decision_and_nothing_else(home: Home, leaky: Path) -> None:
    done = home.run("replay", "--json", str(leaky))
    assert (done.code, done.err) == (0, "")
    found = decisions(done)
    assert found
    assert all(one.keys() == KEYS and one["trace"] == str(leaky) and one["why"] for one in found)
    assert ("flag", "leak") in {(one["action"], one["policy"]) for one in found}


def test_a_trace_without_decisions_leaves_standard_output_empty(home: Home) -> None:
    calm = write(home.path / "calm", night(segments=40, leak_bytes=0))
    done = home.run("replay", "--json", str(calm))
    assert (done.code, done.out, done.err) == (0, "", "")


def test_several_traces_follow_in_their_order(home: Home, leaky: Path) -> None:
    other = write(home.path / "other", night(segments=100, seed=1))
    found = decisions(home.run("replay", "--json", str(other), str(leaky)))
    names = [str(one["trace"]) for one in found]
    assert names == sorted(names, reverse=True)
    assert set(names) == {str(other), str(leaky)}


def test_standard_input_and_gzip_are_traces_like_any_other(home: Home, leaky: Path) -> None:
    plain = decisions(home.run("replay", "--json", str(leaky)))
    packed = gzip.compress(leaky.read_bytes())
    (home.path / "leaky.gz").write_bytes(packed)
    for words, stdin in ((["leaky.gz"], b""), (["-"], packed), (["-"], leaky.read_bytes())):
        found = decisions(home.run("replay", "--json", *words, stdin=stdin))
        assert found == [{**one, "trace": words[0]} for one in plain]


# ------------------------------------------------------------------ for people


def test_people_see_time_life_segment_and_reason_and_a_sum(home: Home, leaky: Path) -> None:
    done = home.run("replay", str(leaky))
    assert (done.code, done.err) == (0, "")
    assert done.lines[0] == str(leaky)
    assert done.lines[1].split() == ["time", "life", "segment", "action", "policy", "why"]
    flags = [line.split() for line in done.lines if "  flag  " in line]
    assert [line[1] for line in flags] == ["1", "2", "3"]
    assert "3 lives, 150 segments" in done.out
    assert "lives ended by: leak 2 · end of the work 1" in done.out
    assert "leak flag 3" in done.out
    assert "largest: device" in done.out
    assert "of 12.0 GiB" in done.out


def test_the_marks_of_the_configuration_decide(home: Home, leaky: Path) -> None:
    roomy = home.run("replay", "--json", str(leaky))
    tight = home.run(
        "--set", "memory.device.soft=5GiB", "--set", "memory.device.hard=6GiB", "replay", "--json", str(leaky)
    )
    assert tight.code == 0
    assert "watermark" not in {one["policy"] for one in decisions(roomy)}
    assert "watermark" in {one["policy"] for one in decisions(tight)}


def test_a_share_of_a_machine_that_no_reading_tells_is_of_this_one_and_that_is_said_once(home: Home) -> None:
    silent = [Reading(t=float(number), child_host=GIB) for number in range(5)]
    for name in ("one", "two"):
        write(home.path / name, silent)
    done = home.run("replay", "one", "two")
    assert done.code == 0
    assert done.err.count("shares of this machine's") == 1
    assert done.err.startswith("one:")
    assert home.run("replay", "--json", "one").err == ""
    fixed = ("--set", "memory.host.soft=1TiB", "--set", "memory.host.hard=2TiB")
    assert home.run(*fixed, "replay", "one").err == ""


def test_an_empty_trace_is_no_error(home: Home) -> None:
    home.write("empty", "")
    done = home.run("replay", "empty")
    assert (done.code, done.lines[-1]) == (0, "no records")


# ------------------------------------------------------------------ what goes wrong


@pytest.mark.parametrize("json_option", [(), ("--json",)])
def test_a_damaged_line_fails_with_its_number_after_what_was_decided(
    home: Home, leaky: Path, json_option: tuple[str, ...]
) -> None:
    whole = home.run("replay", *json_option, str(leaky)).lines
    lines = leaky.read_bytes().splitlines(keepends=True)
    cut = len(lines) * 2 // 3
    leaky.write_bytes(b"".join([*lines[:cut], b"damaged\n", *lines[cut:]]))
    done = home.run("replay", *json_option, str(leaky))
    assert done.code == 1
    assert f"{leaky}, line {cut + 1}: is no record of a trace" in done.err
    assert done.lines
    assert done.lines == whole[: len(done.lines)]


@pytest.mark.parametrize("words", [["absent"], ["--json", "absent"], ["."], ["leaky.jsonl", "absent"]])
def test_a_trace_that_is_not_there_is_a_failure(home: Home, leaky: Path, words: list[str]) -> None:
    assert leaky.name == "leaky.jsonl"
    done = home.run("replay", *words)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("tts-supervisor: ")


def test_standard_input_is_given_once(home: Home) -> None:
    assert home.run("replay", "-", "-").code == 2


def test_a_configuration_that_is_wrong_is_said_before_any_work(home: Home, leaky: Path) -> None:
    done = home.run("--set", "memory.device.soft=much", "replay", "--json", str(leaky))
    assert (done.code, done.out) == (2, "")
    assert "memory.device.soft" in done.err


def test_a_reader_that_leaves_is_no_error(home: Home) -> None:
    path = write(home.path / "long", night(segments=3000, life_segments=30))
    process = subprocess.Popen(
        command(["replay", str(path)]),
        cwd=home.path,
        env=home.environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 0


def test_decisions_come_while_the_trace_is_still_written(home: Home, leaky: Path) -> None:
    process = subprocess.Popen(
        command(["replay", "--json", "-"]),
        cwd=home.path,
        env=home.environ(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(leaky.read_bytes())
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["action"] == "flag"
    process.stdin.close()
    process.stdout.read()
    process.stdout.close()
    assert process.wait() == 0


def test_memory_does_not_grow_with_the_trace(home: Home) -> None:
    def peak_kib(segments: int) -> int:
        path = home.path / "trace"
        with path.open("wb") as file:
            file.writelines(encode(record) for record in night(segments=segments, leak_bytes=0))
        words = command(["replay", "--json", str(path)])
        process = subprocess.Popen(words, cwd=home.path, env=home.environ(), stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        return usage.ru_maxrss

    # Ten times the trace, which is 5 MB longer then; kept in memory it would be several times that.
    assert peak_kib(6000) < peak_kib(600) + 3000


# ------------------------------------------------------------------ pictures


def test_plot_draws_and_says_where(home: Home, leaky: Path, fonts: dict[str, str]) -> None:
    done = home.run("plot", str(leaky), "-o", "night.svg", env=fonts)
    assert (done.code, done.out, done.err) == (0, "night.svg\n", "")
    drawn = (home.path / "night.svg").read_text()
    assert LIVE_WHY in drawn
    assert "flag" in drawn


def test_replay_draws_as_well_and_standard_output_stays_what_it_is(
    home: Home, leaky: Path, fonts: dict[str, str]
) -> None:
    plain = home.run("replay", "--json", "-", stdin=leaky.read_bytes())
    done = home.run("replay", "--json", "--plot", "night.png", "-", stdin=leaky.read_bytes(), env=fonts)
    assert (done.code, done.out) == (0, plain.out)
    assert "night.png" in done.err
    assert (home.path / "night.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["plot", "leaky.jsonl"], 2, "-o"),
        (["plot", "leaky.jsonl", "-o", "picture.jpeg"], 2, ".png, .svg, .pdf"),
        (["plot", "leaky.jsonl", "-o", "no/picture.png"], 1, "there is no folder"),
        (["plot", "absent", "-o", "picture.png"], 1, "absent: cannot be read"),
        (["replay", "leaky.jsonl", "--plot", "picture"], 2, ".png, .svg, .pdf"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_any_work(
    home: Home, leaky: Path, words: list[str], code: int, said: str
) -> None:
    assert leaky.is_file()
    done = home.run(*words)
    assert (done.code, done.out) == (code, "")
    assert said in done.err


def test_damage_is_named_by_plot_too(home: Home, fonts: dict[str, str]) -> None:
    home.write("bad", "?\n")
    done = home.run("plot", "bad", "-o", "picture.png", env=fonts)
    assert (done.code, done.out) == (1, "")
    assert "bad, line 1" in done.err
    assert not list(home.path.glob("*.png*"))


def test_the_command_itself_loads_no_plotting_library(home: Home, leaky: Path, fonts: dict[str, str]) -> None:
    program = (
        "import sys; from supervisor.__main__ import main; code = main(sys.argv[1:]);"
        "print(code, sorted({'matplotlib', 'numpy'} & sys.modules.keys()))"
    )
    words = [sys.executable, "-c", program, "plot", str(leaky), "-o", "night.pdf"]
    done = subprocess.run(
        words, cwd=home.path, env=home.environ(**fonts), capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "0 []"
    assert (home.path / "night.pdf").read_bytes().startswith(b"%PDF")


# ------------------------------------------------------------------ a recorded run


def test_a_recorded_run_is_replayed_to_the_decisions_that_were_made(home: Home) -> None:
    home.write("tale.txt", "The ferry left at night and nobody saw it go. " * 24)
    # A leak of 20 MiB a segment, of the machine's memory: caches are released, then the child is replaced.
    sets = (
        *("engine.name=scripted", "engine.faults.leak_bytes=20MiB", "narration.segment_chars=60"),
        *(
            "memory.host.soft=100MiB",
            "memory.host.hard=2GiB",
            "memory.poll_s=0.05",
            "memory.record=tale.jsonl",
        ),
    )
    options = [word for each in sets for word in ("--set", each)]
    spoken = home.run(*options, "narrate", "tale.txt", "-o", "tale.wav")
    assert spoken.code == 0
    recorded = [json.loads(line) for line in (home.path / "tale.jsonl").read_text().splitlines()]
    made = [line for line in recorded if line["kind"] == "decided"]
    assert "drain" in {one["action"] for one in made}
    replayed = decisions(home.run(*options, "replay", "--json", "tale.jsonl"))
    told = ("t", "action", "policy", "why")
    assert [[one[key] for key in told] for one in replayed] == [[one[key] for key in told] for one in made]


def test_a_second_run_is_recorded_behind_the_first(home: Home) -> None:
    home.write("tale.txt", "The ferry left at night.")
    sets = ("--set", "engine.name=scripted", "--set", "memory.record=tale.jsonl")
    for fresh in ((), ("--fresh",)):
        assert home.run(*sets, "narrate", *fresh, "tale.txt", "-o", "tale.wav").code == 0
    twice = home.run("replay", "tale.jsonl")
    assert twice.code == 0
    assert "2 runs, 2 lives, 2 segments" in twice.out
