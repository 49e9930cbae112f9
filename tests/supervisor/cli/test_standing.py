"""A status and what was given back, in words."""

from msgspec.structs import replace

from supervisor.cli.standing import given_line, lines
from supervisor.loop.room import full
from supervisor.loop.service import (
    ChildStatus,
    GivenBack,
    JobStatus,
    LifeStatus,
    PolicyStatus,
    Status,
    TemplateStatus,
    Totals,
)

MIB = 2**20

CHILD = ChildStatus(
    pid=77,
    life=2,
    ready=True,
    device="cuda:0",
    segments=1,
    memory={
        "host_private": 300 * MIB,
        "device_used": 7 * 1024 * MIB,
        "device_total": 10 * 1024 * MIB,
        "live": MIB,
    },
    marks={"host_soft": 500 * MIB, "device_hard": 9 * 1024 * MIB},
    state="speaking",
    age_s=63.0,
)
STATUS = Status(
    state="paused",
    why="a neighbour holds 3.0 GiB",
    child=CHILD,
    queue=1,
    lives=[LifeStatus(life=1, ended="exited with status 0", why="the leak", segments=9)],
    totals=Totals(segments=10, failed=1, recycles=1, deaths=2),
    policies=[PolicyStatus(policy="leak", says="flag", why="20 MiB a segment")],
    template=TemplateStatus(pid=66),
    job=JobStatus(job="j12", segment=10, segments=40, output="/x/book.flac", eta_seconds=61.0),
    pid=55,
    since="2030-01-01T00:00:00.000+00:00",
    version="0.1.0",
)
BARE = Status(state="delivering", child=None, queue=0, lives=[], totals=Totals())


def test_everything_that_is_known_is_told() -> None:
    told = "\n".join(lines(STATUS))
    for words in (
        "paused: a neighbour holds 3.0 GiB",
        "process 55",
        "j12, segment 10 of 40, 0:01:01 left",
        "life 2, process 77, speaking, on cuda:0, 0:01:03 old, 1 segment spoken",
        "private memory of the child: 300 MiB (soft 500 MiB)",
        "the whole GPU: 7.0 GiB of 10.0 GiB (hard 9.0 GiB)",
        "live 1 MiB",
        "process 66",
        "1 request waits",
        "10 segments spoken, 1 failed",
        "1 recycle, 2 deaths, 0 releases",
    ):
        assert words in told
    assert "leak    flag  20 MiB a segment" in told
    assert "1     9         exited with status 0  the leak" in told


def test_what_is_not_there_is_left_out() -> None:
    told = "\n".join(lines(BARE))
    assert "child    none" in told
    for words in ("POLICY", "LIFE", "template", "queue", "memory", "job"):
        assert words not in told


def test_what_ails_is_told_with_its_mend_and_whether_speech_would_work() -> None:
    ailment = full("the disk is full in /x (0 bytes free)", "2030-01-01", stops=True)
    told = [line.split(maxsplit=1) for line in lines(replace(STATUS, health=[ailment]))]
    mend = "make room there; it goes on by itself once 8 MiB are free"
    assert ["ails", f"the disk is full in /x (0 bytes free); {mend} (since 2030-01-01)"] in told
    assert ["ready", "no"] in told
    assert ["ready", "yes"] in [line.split() for line in lines(replace(BARE, ready=True))]


def test_a_child_that_has_no_process_and_a_job_that_has_no_plan_are_said_so() -> None:
    young = replace(CHILD, pid=None, ready=False, state="", memory={}, marks={})
    unplanned = JobStatus(job="j12", segment=0, segments=0)
    told = "\n".join(lines(replace(STATUS, child=young, job=unplanned)))
    assert "life 2, no process yet, starting, on" in told
    assert "j12, not begun" in told


def test_only_the_last_lives_are_shown() -> None:
    lives = [LifeStatus(life=number, ended="x", why="", segments=0) for number in range(1, 31)]
    rows = [line.split() for line in lines(replace(BARE, lives=lives))]
    assert [row[0] for row in rows if row[2:] == ["x"]] == [str(number) for number in range(21, 31)]


def test_what_was_given_back_is_told_in_sizes_and_seconds() -> None:
    given = GivenBack(before_bytes=300 * MIB, after_bytes=100 * MIB, took_s=0.25, waited_s=1.5, of="device")
    assert given_line("caches released", given) == (
        "caches released: 200 MiB of the GPU given back (300 MiB before, 100 MiB after) in 0.25 s, "
        "after 1.5 s to the end of the segment"
    )


def test_memory_that_grew_meanwhile_is_not_called_given_back() -> None:
    given = GivenBack(before_bytes=MIB, after_bytes=3 * MIB, took_s=0.25)
    assert given_line("child replaced", given) == (
        "child replaced: 2 MiB of private memory more (1 MiB before, 3 MiB after) in 0.25 s"
    )


def test_where_no_child_is_nothing_is_said_to_be_done() -> None:
    nothing = GivenBack(before_bytes=0, after_bytes=0, took_s=0.0)
    assert "there is no child" in given_line("child replaced", nothing)
