"""What stands in each pane, as matplotlib has it: no pixels here, see test_picture.py for those."""

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from supervisor.plotting.panes import MOST_ROWS, draw_background, draw_lanes, draw_memory, reasons
from supervisor.plotting.reasons import rows_of
from supervisor.plotting.story import CHILD_DEVICE, DEVICE_USED, HOST_PRIVATE, LIVE, Mark, Span, Story, Teller
from tests.supervisor.nights import TERMS, night


@pytest.fixture(scope="module")
def told() -> Story:
    teller = Teller()
    teller.add("night", night(segments=150), TERMS)
    return teller.story


@pytest.fixture
def pane() -> Axes:
    return Figure().add_subplot()


def mark(x: float, action: str, why: str = "because", policy: str = "leak") -> Mark:
    return Mark(x=x, at_s=x, action=action, policy=policy, why=why, origin="replayed")


def words(pane: Axes) -> list[str]:
    return [text.get_text() for text in pane.texts]


def test_curves_and_marks_have_names_and_differ_in_more_than_colour(pane: Axes, told: Story) -> None:
    draw_memory(pane, told, (DEVICE_USED, CHILD_DEVICE, LIVE), told.device, "device, GiB")
    labels = pane.get_legend_handles_labels()[1]
    assert labels == [DEVICE_USED, CHILD_DEVICE, LIVE, "total", "hard mark", "soft mark"]
    black = [line for line in pane.lines if line.get_color() == "#000000"]
    assert len({line.get_linestyle() for line in black}) == 3


def test_sizes_are_in_gib(pane: Axes, told: Story) -> None:
    draw_memory(pane, told, (DEVICE_USED,), told.device, "device, GiB")
    assert 12.0 < pane.get_ylim()[1] < 13.0
    assert pane.get_ylim()[0] == 0


def test_marks_far_above_are_named_beside_the_pane(pane: Axes, told: Story) -> None:
    draw_memory(pane, told, (HOST_PRIVATE,), told.host, "host, GiB")
    assert pane.get_ylim()[1] < 3.0
    assert words(pane) == ["higher up, GiB:\ntotal 32.0\nhard mark 30.4\nsoft mark 27.2"]


def test_lanes_are_those_that_hold_something_hardest_first(pane: Axes, told: Story) -> None:
    rows, _ = rows_of(told.marks, MOST_ROWS)
    draw_lanes(pane, told, rows)
    assert [label.get_text() for label in pane.get_yticklabels()] == ["lives", "segments", "drain", "flag"]
    assert {"life 1: leak", "life 2: leak"} <= set(words(pane))
    assert {str(row.number) for row in rows} <= set(words(pane))


def test_names_of_lives_that_do_not_fit_are_left_out(pane: Axes) -> None:
    teller = Teller()
    teller.add("short lives", night(segments=600, life_segments=3), TERMS)
    draw_lanes(pane, teller.story, [])
    assert set(words(pane)) == {""}


def test_the_figures_of_an_end_are_left_to_the_table(pane: Axes) -> None:
    draw_lanes(
        pane, Story(lives=[Span(life=4, begin_x=0.0, end_x=9.0, why="lookahead: 9 GiB")], end_x=9.0), []
    )
    assert words(pane) == ["life 4: lookahead"]


def test_a_saw_is_drawn_as_a_band_that_hides_nothing(pane: Axes) -> None:
    teller = Teller()
    teller.add("saw", night(segments=12_000, life_segments=4), TERMS)
    draw_memory(pane, teller.story, (LIVE,), [], "device, GiB")
    assert [one.get_alpha() for one in pane.collections] == [0.25]


def test_an_action_of_a_later_version_has_a_lane_of_its_own(pane: Axes) -> None:
    draw_lanes(pane, Story(marks=[mark(1.0, "dance")], end_x=2.0), [])
    assert [label.get_text() for label in pane.get_yticklabels()][-1] == "dance"


def test_numbers_do_not_stand_on_one_another(pane: Axes) -> None:
    marks = [mark(at / 100, "clean" if at % 2 else "drain") for at in range(50)]
    told = Story(marks=marks, end_x=1000.0)
    draw_lanes(pane, told, rows_of(marks, 100)[0])
    assert words(pane) == ["1", "2"]


def test_every_other_life_is_shaded_and_ends_are_marked(pane: Axes, told: Story) -> None:
    draw_background(pane, told, rows_of(told.marks, MOST_ROWS)[0])
    drains = [one for one in told.marks if one.action == "drain"]
    assert len(pane.patches) == 1
    assert len(pane.lines) == len(drains)


def test_the_table_has_time_action_policy_and_reason() -> None:
    marks = [mark(61.0, "drain", "full in 12 segments"), mark(70.0, "flag")]
    rows, left_out = rows_of(marks, MOST_ROWS)
    lines = reasons(Story(marks=marks), rows, left_out, lambda x: f"<{x:.0f}>")
    assert [line.split() for line in lines] == [
        ["1", "<61>", "drain", "leak", "full", "in", "12", "segments"],
        ["2", "<70>", "flag", "leak", "because"],
    ]


def test_long_reasons_take_two_lines_where_there_are_few_and_one_where_there_are_many() -> None:
    long = "reason " * 60
    few = [mark(1.0, "drain", long)]
    many = [mark(float(at), "drain", long, f"policy {at}") for at in range(40)]
    for marks, expected in ((few, 2), (many, MOST_ROWS + 1)):
        rows, left_out = rows_of(marks, MOST_ROWS)
        assert len(reasons(Story(marks=marks), rows, left_out, str)) == expected


def test_what_is_in_no_row_is_counted() -> None:
    marks = [mark(float(at), "drain", policy=f"policy {at}") for at in range(40)]
    rows, left_out = rows_of(marks, MOST_ROWS)
    told = Story(marks=marks)
    told.left_out["clean"] = 100
    assert reasons(told, rows, left_out, str)[-1].split()[:3] == ["and", str(40 - MOST_ROWS + 100), "more:"]


def test_a_night_without_decisions_says_so() -> None:
    assert reasons(Story(), [], 0, str) == ["no decisions"]
