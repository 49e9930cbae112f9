from supervisor.core.notes import Notice, Progress, Stage
from supervisor.display.plain import EVERY_S, PlainLines

PROGRESS = Progress(
    job="j1",
    segment=1,
    segments=2,
    chapter=1,
    chapters=1,
    title="T",
    audio_seconds=1.0,
    wall_seconds=2.0,
    speed=None,
    eta_seconds=None,
    recycles=0,
    deaths=0,
)


def test_progress_is_a_line_every_ten_seconds_and_notices_come_at_once() -> None:
    now_s = 0.0
    told: list[str] = []
    display = PlainLines(told.append, lambda: now_s)
    counts: list[int] = []
    for now_s in (0.0, 5.0, 9.99, 10.0, 10.1, 19.9, 20.0, 45.0, 46.0):  # noqa: B007 - the clock reads it
        display.show(PROGRESS)
        counts.append(len(told))
    assert counts == [0, 0, 0, 1, 1, 1, 2, 3, 3]
    display.show(Notice(level="warning", name="n", text="now"))
    assert told[-1] == "warning: now"
    assert EVERY_S == 10


def test_a_stage_without_detail_is_not_worth_a_line() -> None:
    told: list[str] = []
    display = PlainLines(told.append, lambda: 0.0)
    display.show(Stage(name="narrating", detail=""))
    display.show(Stage(name="delivering", detail="a.wav"))
    display.close()
    assert told == ["delivering: a.wav"]
