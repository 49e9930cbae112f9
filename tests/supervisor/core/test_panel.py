"""The panel as it is told stories: one child on torch, a card of 10 GiB, and what else may happen."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.core.memoryterms import Outlook
from supervisor.core.panel import Panel
from supervisor.core.traces import (
    Asked,
    Decided,
    LifeReady,
    Reading,
    Record,
    Released,
    SegmentBegin,
    SegmentEnd,
)
from supervisor.policy.watermark import WatermarkLimits
from tests.supervisor.core.scene import (
    CARD,
    FRESH,
    HARD,
    MIB,
    SOFT,
    TERMS,
    USABLE,
    WORTH,
    Scene,
    marks,
    reading,
    vitals,
)

# ------------------------------------------------------------------ marks


def test_a_child_that_is_well_hears_nothing() -> None:
    scene = Scene()
    scene.speak(50, need=500)
    assert scene.seen == []
    assert [thought.says for thought in scene.panel.thoughts()] == ["keep"] * 12


def test_a_fresh_child_above_the_hard_mark_is_a_configuration_error_told_once() -> None:
    scene = Scene(ready=False)
    told = scene.take(LifeReady(t=1.0, life=1, vitals=vitals(9000, 9000, host=1000)))
    told += scene.take(reading(9800, 9800, t=2.0)) + scene.take(reading(9900, 9900, t=3.0))
    assert told == ["refuse"]
    assert (scene.last.scope, scene.last.policy) == ("job", "watermark")
    assert (
        "memory.device.hard is 9728 MiB, but a fresh child already holds 9800 MiB of 10.0 GiB"
        in scene.last.why
    )
    assert scene.start() == []  # whatever comes after


def test_a_fresh_child_above_the_hosts_hard_mark_is_one_too_before_any_reading() -> None:
    scene = Scene(ready=False)
    assert scene.take(LifeReady(t=1.0, life=1, vitals=vitals(host=6144))) == ["refuse"]
    assert "memory.host.hard is 6144 MiB" in scene.last.why


def test_a_fresh_child_above_the_soft_mark_is_remarked_on_once_and_left_alone() -> None:
    scene = Scene(ready=False)
    for life in (1, 2):
        scene.take(LifeReady(t=life, life=life, vitals=vitals(5000, 5000, host=4096)))
        assert scene.take(reading(SOFT, SOFT, t=life, host=4096)) == []
        assert scene.take(SegmentBegin(t=life, segment=1, chars=10)) == []
        end = SegmentEnd(t=life, segment=1, chars=10, vitals=vitals(5000, 5000, 5000, host=4096))
        assert scene.take(end) == []
    assert [remark.split()[0] for remark in scene.panel.remarks()] == [
        "memory.host.soft",
        "memory.device.soft",
    ]


def test_a_soft_mark_below_a_fresh_child_asks_for_no_release_and_no_early_recycle() -> None:
    scene = Scene(replace(TERMS, device=marks(0.5, 0.95)))
    while "drain" not in scene.speak(3, grow=30, need=300) + scene.boundary():
        assert [one.policy for one in scene.acts("clean", "pause", "kill")] in ([], ["headroom"])
    assert scene.last.policy in {"lookahead", "headroom"}
    assert scene.live + scene.context > HARD - 700


def test_neighbours_above_the_mark_when_it_is_ready_are_waited_for() -> None:
    scene = Scene(ready=False)
    scene.others = HARD - FRESH
    assert scene.start() == ["pause"]
    assert scene.last.policy == "watermark"
    scene.others = 0
    assert scene.read() == ["resume"]


def test_caches_that_stand_above_the_soft_mark_are_released_and_that_is_all() -> None:
    scene = Scene()
    scene.speak(30)
    scene.begin()
    scene.end(need=2800)
    assert scene.read() == ["clean"]
    assert "memory.device.soft is 8704 MiB" in scene.last.why
    assert scene.release() == []
    assert scene.speak(20) == []


def test_what_a_release_does_not_bring_back_is_replaced() -> None:
    scene = Scene()
    scene.speak(20)
    scene.live += 2800  # at once, so that no rate is seen
    scene.begin()
    scene.end()
    assert scene.read() == ["clean"]
    assert scene.release() == ["drain"]
    assert (scene.last.policy, scene.last.why.endswith("after a release")) == ("watermark", True)
    assert scene.speak(3) == []  # silent until the next life


@pytest.mark.parametrize("hidden", [True, False])
@pytest.mark.parametrize("slack", [2900, 4300])
def test_nobody_is_ended_for_a_reserve_of_which_nothing_tells_what_a_release_left(
    slack: float, *, hidden: bool
) -> None:
    scene = Scene(ready=False)
    scene.hidden = hidden
    scene.start()
    scene.speak(20)
    scene.slack = slack  # it stays, as in the trace of a run that made no release
    scene.speak(4)
    for _ in range(700):  # long enough for any doubt
        scene.read()
    assert {one.action for one in scene.seen} <= {"clean", "pause"}


def test_a_reserve_that_a_release_left_is_killed_for_above_the_hard_mark() -> None:
    scene = Scene()
    scene.speak(10)  # too young to be replaced for the soft mark
    scene.slack = 2900
    assert scene.speak(1) == ["clean"]
    scene.slack = 4100
    released = Released(t=scene.at_s, vitals=scene.vitals(), took_s=0.1)
    assert scene.take(released) + scene.read() == ["kill"]


def test_a_little_of_ours_beside_much_of_a_neighbours_ends_nobody() -> None:
    scene = Scene()
    scene.speak(20)
    scene.others = 2500
    scene.live += WORTH + 100  # worth a recycle, and less than a quarter of that
    scene.slack = 300
    scene.begin()
    assert "clean" in scene.end() + scene.read()
    assert scene.release() + scene.speak(20) == []
    scene.live += 400
    assert "drain" in scene.speak(1)


def test_a_young_life_is_not_replaced_for_the_soft_mark() -> None:
    scene = Scene()
    scene.speak(3)
    scene.live += 2800
    scene.begin()
    scene.end()
    assert scene.read() == ["clean"]
    assert scene.release() == []


def test_a_reading_above_the_soft_mark_within_a_segment_may_be_its_passing_need() -> None:
    scene = Scene()
    scene.speak(3)
    scene.begin()
    assert scene.read(more=3000) == []
    assert scene.end() + scene.read() + scene.ask() == []
    scene.begin()
    assert scene.read(more=3000) + scene.read(more=100) + scene.end() + scene.ask() == []


def test_what_was_crossed_within_a_segment_and_not_read_since_is_weighed_before_the_next() -> None:
    scene = Scene()
    scene.speak(20)
    scene.ask()
    scene.begin()
    scene.context += 2800
    assert scene.read() == []
    assert scene.end() == []
    assert scene.ask() == ["clean"]
    scene.begin()
    scene.read()
    scene.end()
    assert scene.ask() == ["drain"]


def test_the_hard_mark_kills_for_its_own_growth() -> None:
    scene = Scene()
    scene.speak(3)
    scene.begin()
    scene.live += 3728
    assert scene.read() == ["kill"]
    assert (scene.last.policy, scene.last.scope) == ("watermark", "life")
    assert (
        "memory.device.hard is 9728 MiB, used 9728 MiB, the child's part 9728 MiB, 6000 MiB when fresh"
        in (scene.last.why)
    )
    assert scene.read() == scene.end() == scene.ask() == []
    assert scene.start() == []


@pytest.mark.parametrize("share", [CARD + 1, CARD + 4000])
def test_a_child_that_holds_more_than_the_card_is_killed_and_nobody_waited_for(share: float) -> None:
    scene = Scene()
    scene.speak(5, chars=400, need=3000)
    scene.release()
    scene.begin(500)
    assert scene.take(reading(CARD, share, t=scene.at_s + 1)) == ["kill"]
    assert scene.last.policy == "watermark"


def test_a_reserve_beyond_the_card_is_released_before_anything_else() -> None:
    scene = Scene(ready=False)
    scene.hidden = True
    scene.start()
    scene.speak(5)
    scene.begin()
    scene.end(need=5500)
    assert scene.take(reading(CARD, t=scene.at_s + 1)) == ["clean", "pause"]
    assert scene.release() == ["resume"]


def test_a_pause_does_not_end_at_the_reading_that_began_it() -> None:
    scene = Scene()
    scene.speak(5, need=2000)
    scene.release()
    scene.others = 2500
    scene.begin()
    assert scene.read(more=1300) == ["pause"]
    for _ in range(5):
        assert scene.read(more=1300) == []
    scene.end(need=1300)
    scene.others = 0
    assert scene.read() == ["resume"]


def test_the_hosts_hard_mark_kills_too() -> None:
    scene = Scene()
    scene.speak(3)
    assert scene.take(reading(t=200.0, host=6144)) == ["kill"]
    assert "memory.host.hard" in scene.last.why


def test_a_host_mark_is_weighed_by_the_childs_own_word() -> None:
    scene = Scene()
    scene.begin()
    end = SegmentEnd(t=200.0, segment=1, chars=10, seconds=1.0, vitals=vitals(host=4096))
    assert scene.take(end) == ["clean"]
    assert "memory.host.soft is 4096 MiB, used 4096 MiB, 1000 MiB when fresh" in scene.last.why


def test_a_host_that_was_never_measured_when_fresh_is_not_killed_by_its_first_reading() -> None:
    scene = Scene(ready=False)
    scene.take(LifeReady(t=1.0, life=1))
    scene.take(SegmentBegin(t=2.0, segment=1, chars=10))
    assert scene.take(reading(t=3.0, host=7000)) == []


# ------------------------------------------------------------------ others


@pytest.mark.parametrize("hidden", [True, False])
def test_a_neighbour_that_takes_the_card_pauses_the_job_and_it_resumes(*, hidden: bool) -> None:
    scene = Scene(ready=False)
    scene.hidden = hidden
    scene.start()
    scene.speak(20)
    scene.others = 3800
    assert scene.read() == ["pause"]
    assert scene.read() == []
    scene.others = HARD - FRESH - 1
    assert scene.read() == []  # still too near
    scene.others = 3000
    assert scene.read() == ["resume"]
    assert "there is room again" in scene.last.why
    assert scene.speak(5) == []


def test_our_reserve_is_given_back_before_others_are_waited_for() -> None:
    scene = Scene()
    scene.speak(20, need=1000)
    scene.others = 2900
    assert scene.read() == ["clean", "pause"]
    assert scene.release() == ["resume"]


def test_for_what_others_hold_caches_are_released_once_and_no_child_is_replaced() -> None:
    scene = Scene()
    scene.speak(8, grow=30)  # a warm-up
    scene.speak(20, need=350)
    for _ in range(80):  # a neighbour that grows; the texts go on, as in a trace
        scene.others += 40
        scene.begin()
        scene.end(need=350)
        scene.read()
        scene.ask()
    assert len([one for one in scene.acts("clean") if one.t < scene.acts("pause")[0].t]) <= 1
    assert len(scene.acts("clean")) <= 2
    assert scene.acts("drain", "kill", "refuse", "resume") == []


def test_a_soft_mark_that_a_release_does_not_leave_asks_for_no_other() -> None:
    scene = Scene()
    scene.speak(20, need=300)
    scene.others = SOFT - FRESH + 50
    for _ in range(40):
        scene.speak(need=300)
        if scene.seen[-1:] and scene.last.action == "clean":
            scene.release()
    assert [one.action for one in scene.seen] == ["clean"]


def test_a_pause_is_over_when_a_fresh_child_is_ready() -> None:
    scene = Scene()
    scene.others = 3800
    assert scene.read() == ["pause"]
    scene.others = 0
    assert scene.start() == ["resume"]


def test_a_driver_that_falls_silent_holds_up_a_job_for_half_a_minute() -> None:
    scene = Scene()
    scene.others = 3800
    assert scene.read() == ["pause"]
    told = [scene.take(reading(t=scene.at_s + later)) for later in (1.0, 29.9, 30.0, 31.0)]
    assert told == [[], [], ["resume"], []]
    assert "told nothing for 30 s" in scene.last.why


def test_where_the_driver_hides_whose_it_is_a_fresh_child_shows_after_five_minutes() -> None:
    scene = Scene(ready=False)
    scene.hidden = True
    scene.start()
    scene.speak(20)
    scene.others = 3800
    assert scene.read() == ["pause"]
    scene.at_s += 299
    assert scene.read() == []
    scene.at_s += 1
    assert scene.read() == ["drain"]
    assert "the driver does not tell whose it is" in scene.last.why
    assert scene.start() == ["resume", "pause"]
    scene.at_s += 3600
    assert scene.read() == []  # it was not the child: no loop


def test_where_a_release_would_do_no_fresh_child_is_asked_whose_the_rest_is() -> None:
    scene = Scene(ready=False)
    scene.hidden = True
    scene.start()
    scene.speak(20)
    scene.others, scene.slack = 2000, 2000
    assert scene.speak(1) == ["clean", "pause"]
    scene.at_s += 10**6
    assert scene.read() == []


def test_where_the_driver_tells_that_it_is_others_they_are_waited_for_however_long() -> None:
    scene = Scene()
    scene.speak(20)
    scene.others = 3800
    assert scene.read() == ["pause"]
    scene.at_s += 10**6
    assert scene.read() == []


histories = st.lists(st.integers(0, 10240 - FRESH), min_size=1, max_size=40)


@given(histories, st.booleans(), st.booleans())
def test_others_alone_never_cost_a_child_its_life(others: list[int], hidden: bool, within: bool) -> None:
    scene = Scene(ready=False)
    scene.hidden = hidden
    scene.start()
    for one in others:
        scene.ask()
        scene.begin()
        if within:
            scene.others = one
            scene.read()
        scene.end(need=100)
        scene.others = one
        scene.read()
        scene.boundary()
    assert not scene.acts("drain", "kill", "flag")


def test_a_text_is_not_refused_for_what_others_hold_from_the_first() -> None:
    scene = Scene(ready=False)
    scene.others = 3000
    scene.start()
    for _ in range(5):
        scene.ask()
        scene.begin()
        scene.end(need=800)
        scene.slack = 0
        scene.read()
    assert not scene.acts("refuse")
    assert scene.acts("pause")


# ------------------------------------------------------------------ growth


def test_half_a_gigabyte_a_segment_is_acted_on_before_the_card_is_full() -> None:
    scene = Scene()
    spoken = 0
    while not scene.acts("drain", "kill"):
        scene.speak(grow=512, need=100)
        spoken += 1
        assert scene.live + scene.context < HARD
    assert scene.last.action == "drain"
    assert spoken <= 7
    assert scene.start() == []
    spoken_again = 0
    while scene.panel.may_go_on(100) and not scene.ask():
        scene.begin()
        scene.end(grow=512, need=100)
        scene.read()
        spoken_again += 1
    assert spoken_again >= 2


def test_a_leak_is_told_once_and_acted_on_at_the_last_boundary_that_is_safe() -> None:
    scene = Scene()
    acts: list[str] = []
    while not {"drain", "kill"} & set(acts):
        acts += scene.speak(3, grow=20, need=200)
        acts += scene.boundary()
    assert acts.count("flag") == 1
    assert scene.acts("drain")[0].policy in {"lookahead", "watermark"}
    held = scene.live + scene.context
    assert SOFT - 300 < held < HARD
    assert not scene.acts("kill")


def paragraphs(scene: Scene, texts: int, *, grow: float, need: float = 200) -> list[str]:
    """Speak one paragraph: asked before each text, which tells how far it is to its end."""
    told: list[str] = scene.boundary()
    for left in range(texts, 0, -1):
        told += scene.ask(*[100] * left)
        if {"drain", "kill"} & set(told):
            break
        told += scene.begin() + scene.end(grow=grow, need=need) + scene.read()
    return told


def test_a_leak_that_would_not_come_as_far_as_the_next_boundary_is_acted_on_at_this_one() -> None:
    scene = Scene()
    while not scene.acts("drain", "kill", "clean"):
        paragraphs(scene, 25, grow=30)
    assert (scene.last.action, scene.last.policy) == ("drain", "lookahead")
    assert "MiB of the device in use, growing by 30 MiB a segment: the next 25 texts" in scene.last.why
    assert scene.segment % 25 == 0
    held = scene.live + scene.context
    assert held < SOFT
    assert held + 25 * 30 + 300 > SOFT  # it would not have come as far


@pytest.mark.parametrize("grow", [10, 20, 30, 40])
def test_a_known_leak_stays_below_the_soft_mark_between_two_boundaries(grow: float) -> None:
    scene = Scene()
    while not scene.acts("drain", "kill"):
        if "clean" in paragraphs(scene, 12, grow=grow):
            scene.release()  # what passes may cross the mark; what stays does not
    assert [one.policy for one in scene.acts("drain", "kill")] == ["lookahead"]
    assert scene.segment % 12 == 0
    held = scene.live + scene.context
    assert SOFT - 12 * grow - grow <= held < SOFT


def test_where_no_fresh_child_comes_as_far_either_it_goes_on_while_there_is_room() -> None:
    scene = Scene()
    told = paragraphs(scene, 25, grow=190)
    assert "drain" in told
    assert scene.last.policy != "lookahead"
    assert scene.segment > 10


def test_a_warm_up_that_would_fill_the_card_is_waited_out_once_a_warm_child_is_known() -> None:
    scene = Scene()
    for _ in range(2):
        for step in [*[60] * 8, *[0] * 14]:
            assert scene.speak(grow=step, need=200) + scene.boundary() == []
        scene.gone()
        scene.start()


def test_a_warm_up_is_no_reason_to_act_while_there_is_time() -> None:
    scene = Scene()
    for _ in range(5):
        assert paragraphs(scene, 3, grow=80, need=300) == []
    scene.others = 1000
    scene.read()
    assert "drain" not in paragraphs(scene, 1, grow=10)


def test_a_slow_leak_is_free_until_it_would_not_come_as_far() -> None:
    scene = Scene()
    for _ in range(30):
        scene.speak(3, grow=20, need=200)
        scene.boundary()
    assert [one.action for one in scene.seen] == ["flag"]


def test_without_a_boundary_every_25_segments_are_one() -> None:
    scene = Scene()
    for _ in range(600):
        if "drain" in scene.ask(*[100] * 50) + scene.begin() + scene.end(grow=5, need=200) + scene.read():
            break
    assert scene.last.action == "drain"
    assert scene.segment > 400


def test_a_warm_up_is_not_a_leak_however_large() -> None:
    scene = Scene()
    for step in (800, 400, 200, 100, 50, 20, 10):
        scene.speak(grow=step, need=200)
        scene.boundary()
    scene.speak(60, need=200)
    assert scene.seen == []


def test_a_host_engine_that_leaks_is_told_and_replaced() -> None:
    scene = Scene(ready=False)
    scene.take(LifeReady(t=0.0, life=1, vitals=vitals(host=500)))
    for n in range(400):
        at_s = 10.0 * n
        told = scene.panel.ask(at_s, Outlook(chars=(80,)))
        told += scene.panel.take(SegmentBegin(t=at_s, segment=n, chars=80))
        end = SegmentEnd(t=at_s + 1, segment=n, chars=80, seconds=5.0, vitals=vitals(host=500 + 20 * n))
        told += scene.panel.take(end)
        scene.seen += told
        if any(one.action == "drain" for one in told):
            break
    assert [one.action for one in scene.acts("flag", "drain", "kill")] == ["flag", "drain"]
    assert "private host memory" in scene.acts("flag")[0].why


# ------------------------------------------------------------------ room for the next text


def warmed() -> Scene:
    """A scene whose panel has seen texts of 100 to 400 characters at 2 MiB each."""
    scene = Scene()
    for chars in (100, 200, 300, 400):
        scene.ask(chars)
        scene.begin(chars)
        scene.end(chars, need=2 * chars)
        scene.slack = 0
        scene.read()
    assert scene.seen == []
    return scene


def test_a_text_that_fits_after_a_release_waits_for_one() -> None:
    scene = warmed()
    scene.slack = 2800
    scene.others = 0
    scene.begin(10)
    scene.end(10)
    scene.slack = 2600
    scene.read()
    assert scene.ask(1500) == ["clean"]
    assert scene.last.policy == "headroom"
    assert "a text of 1500 characters needs about" in scene.last.why
    scene.release()
    assert scene.ask(1500) == []


def test_a_text_that_fits_a_fresh_child_alone_waits_for_one() -> None:
    scene = warmed()
    scene.live += 1000
    scene.release()
    assert scene.ask(1400) == ["drain"]
    assert (scene.last.policy, scene.last.scope) == ("headroom", "life")
    scene.start()
    assert scene.ask(1400) == []


def test_a_text_that_fits_no_child_is_refused_with_the_figures_and_the_next_is_asked() -> None:
    scene = warmed()
    assert scene.ask(2500) == ["refuse"]
    assert (scene.last.policy, scene.last.scope) == ("headroom", "text")
    assert scene.last.why.startswith("a text of 2500 characters needs at least ")
    assert scene.ask(100) == []


def test_where_it_may_be_spoken_smaller_the_refusal_says_so() -> None:
    scene = warmed()
    smaller = Scene(replace(TERMS, may_degrade=True))
    smaller.panel._device.need = scene.panel._device.need  # pyright: ignore[reportPrivateUsage] -- what was learned
    assert smaller.ask(2500) == ["refuse"]
    assert smaller.last.policy == "degrade"


def test_a_text_waits_for_others_to_make_room() -> None:
    scene = warmed()
    scene.others = 2000
    scene.read()
    assert scene.ask(1400) == ["pause"]
    assert scene.last.policy == "headroom"
    assert scene.ask(1400) == []  # said once
    scene.others = 500
    assert scene.read() == ["resume"]
    assert scene.ask(1400) == []


def test_another_text_that_fits_ends_the_wait() -> None:
    scene = warmed()
    scene.others = 2000
    scene.read()
    assert scene.ask(1400) == ["pause"]
    assert scene.ask(100) == ["resume"]


def test_a_wait_for_room_ends_after_ten_minutes_and_the_text_is_refused() -> None:
    scene = warmed()
    scene.others = 2000
    scene.read()
    assert scene.ask(1400) == ["pause"]
    scene.at_s += 600
    assert scene.read() == ["resume"]
    assert scene.ask(1400) == ["refuse"]
    assert "2000 MiB of other programs" in scene.last.why
    assert scene.ask(1400) == ["refuse"]  # nothing was given back since
    scene.others = 1500
    scene.read()
    assert scene.ask(1400) == ["pause"]


def test_nobody_is_ended_for_a_successor_that_would_not_fit() -> None:
    scene = Scene()
    scene.speak(20)
    scene.live += 3000
    scene.begin()
    scene.end()
    assert scene.read() == ["clean"]
    # The host has no room for a fresh one, and the old one gave some of its own back.
    scene.take(reading(9000, 9000, t=scene.at_s, host=100, available=100))
    assert [one.action for one in scene.seen] == ["clean", "pause"]
    assert scene.last.policy == "fit"
    assert "would not fit" in scene.last.why
    scene.take(reading(9000, 9000, t=scene.at_s + 1, host=100, available=5000))
    assert scene.seen[2].action == "resume"


# ------------------------------------------------------------------ pace, pieces, clock


def test_a_child_at_half_its_pace_is_replaced() -> None:
    scene = Scene()
    scene.speak(20)
    acts: list[str] = []
    for _ in range(6):
        acts += scene.begin() + scene.end(took_s=10.0)
    assert acts[-1:] == ["drain"]
    assert scene.last.policy == "slowdown"
    assert next(one for one in scene.panel.thoughts() if one.policy == "slowdown").says == "drain"


def test_a_slow_child_whose_successor_does_not_fit_goes_on() -> None:
    scene = Scene()
    scene.speak(20)
    scene.live -= 2500  # it gave back, and others took it
    scene.others = 5000
    for _ in range(8):
        scene.begin()
        scene.end(took_s=10.0)
        scene.read()
    assert scene.seen == []
    scene.others = 0
    scene.read()
    scene.begin()
    assert scene.end(took_s=10.0) == ["drain"]


def pieces(scene: Scene, count: int, retries: int, split: float) -> list[str]:
    """Speak with an allocator that searched, and what it says of its pieces."""
    told: list[str] = []
    for n in range(count):
        scene.begin()
        scene.at_s += 2.0
        seen = vitals(5500, 5500 + split, 5500, host=1000, retries=retries + n, split=split)
        told += scene.take(
            SegmentEnd(t=scene.at_s, segment=scene.segment, chars=100, seconds=5.0, vitals=seen)
        )
    return told


def test_an_allocator_that_searches_is_released_and_then_replaced() -> None:
    scene = Scene()
    scene.speak(20)
    told = pieces(scene, 6, retries=1, split=400)
    assert told[0] == "clean"
    assert told[-1] == "drain"
    assert scene.last.policy == "fragmentation"


def test_a_young_life_is_not_replaced_for_its_pieces() -> None:
    scene = Scene()
    assert pieces(scene, 10, retries=1, split=400) == ["clean"]


def test_by_the_clock_a_life_has_so_many_segments() -> None:
    scene = Scene(replace(TERMS, max_segments=5))
    assert scene.speak(9) == ["drain"]
    assert (scene.segment, scene.last.policy, scene.last.why) == (5, "clock", "child.max_segments is 5")
    thought = next(one for one in scene.panel.thoughts() if one.policy == "clock")
    assert thought.why == "5 of 5 segments"


def test_by_the_clock_caches_are_released_after_each_segment_or_job() -> None:
    each = Scene(replace(TERMS, clean_after="segment"))
    assert each.speak(3) == ["clean"] * 3
    jobs = Scene(replace(TERMS, clean_after="job"))
    assert jobs.speak(3) + jobs.boundary() == []
    assert jobs.boundary("chapter") == ["clean"]
    assert jobs.boundary("sentence") == []
    assert Scene().boundary("chapter") == []
    jobs.gone()
    assert jobs.boundary("chapter") == []


# ------------------------------------------------------------------ precedence


def test_the_policies_come_to_the_panel_in_the_tables_order() -> None:
    # A kill, though a recycle is due by the clock.
    scene = Scene(replace(TERMS, max_segments=1))
    scene.begin()
    scene.live += 4000
    assert scene.read() + scene.end() == ["kill"]
    # A refusal, though the child has grown by what is worth a recycle.
    scene = warmed()
    scene.live += 1000
    scene.release()
    assert scene.ask(2500) == ["refuse"]
    # A recycle before a release.
    scene = Scene(replace(TERMS, max_segments=1, clean_after="segment"))
    assert scene.speak() == ["drain"]
    # Of two recycles at a boundary the one for the next text stands first.
    scene = warmed()
    for _ in range(3):
        scene.ask()
        scene.begin()
        scene.end(grow=600)
        scene.read()
    scene.boundary()
    scene.seen.clear()
    assert scene.ask(1000, 100) == ["drain"]
    assert scene.last.policy == "headroom"


# ------------------------------------------------------------------ lives, and what is asked of it


def test_before_the_first_life_nothing_is_decided() -> None:
    scene = Scene(ready=False)
    assert scene.read() == scene.ask() == scene.boundary() == scene.gone() == []
    assert scene.panel.figures().keys() == {"device_used", "device_total", "child_device", "host_private"}


def test_a_trace_that_begins_within_a_life_is_read_all_the_same() -> None:
    scene = Scene(ready=False)
    scene.speak(20)
    scene.begin()
    scene.live += 4300
    assert scene.read() == ["kill"]


def test_the_end_of_another_life_is_no_end_of_this_one() -> None:
    scene = Scene()
    scene.gone(life=7)
    scene.begin()
    scene.live += 3800
    assert scene.read() == ["kill"]
    scene.start()
    scene.gone()
    scene.live += 3800
    assert scene.read() == scene.release() == []


def test_what_was_decided_or_asked_live_is_passed_by() -> None:
    scene = Scene()
    assert scene.take(Decided(t=1.0, action="kill", policy="leak")) == []
    assert scene.take(Asked(t=1.0, chars=(5,))) == []


def test_it_says_what_fits() -> None:
    scene = Scene(ready=False)
    assert (scene.panel.fresh_fits(), scene.panel.two_fit(), scene.panel.may_go_on(100)) == (
        None,
        False,
        True,
    )
    scene.start()
    assert (scene.panel.fresh_fits(), scene.panel.two_fit()) == (False, False)
    assert scene.panel.fresh_device_bytes == scene.panel.own_device_bytes == FRESH * MIB
    scene.gone()
    scene.take(reading(USABLE - FRESH, None, t=scene.at_s))
    assert scene.panel.fresh_fits() is True
    host = Scene(ready=False)
    host.take(LifeReady(t=0.0, life=1, vitals=vitals(host=1000)))
    host.take(reading(t=1.0, host=1000, available=1000))
    assert host.panel.two_fit()  # no device is used
    assert host.panel.fresh_device_bytes is None


def test_an_old_child_may_go_on_below_the_hard_mark_while_its_successor_starts() -> None:
    scene = warmed()
    assert scene.panel.may_go_on(400)
    scene.live += 3000
    scene.release()
    assert not scene.panel.may_go_on(400)


# ------------------------------------------------------------------ laws

MOVES = st.lists(
    st.tuples(
        st.sampled_from(["speak", "read", "within", "release", "boundary", "start", "null"]),
        st.integers(-600, 900),
        st.integers(0, 4000),
    ),
    max_size=40,
)


def told(moves: list[tuple[str, int, int]], *, offset_s: float = 0.0) -> list[tuple[str, str]]:
    """Tell a panel a story of moves; return what it decided at each."""
    scene = Scene(ready=False)
    scene.at_s += offset_s
    scene.start()
    said: list[tuple[str, str]] = []
    for move, grow, others in moves:
        scene.others = others
        before = len(scene.seen)
        match move:
            case "speak":
                scene.speak(grow=max(grow, -scene.live), need=200)
            case "within":
                scene.begin()
                scene.read(more=max(0, grow))
                scene.end(grow=max(grow, -scene.live), need=200)
            case "release":
                scene.release()
            case "boundary":
                scene.boundary()
            case "start":
                scene.start()
                said.append((move, "start: a fresh child is ready"))  # also where nothing is decided
            case "null":
                scene.take(Reading(t=scene.at_s))
            case _:
                scene.read()
        said += [(move, f"{one.action} {one.policy} {one.why}") for one in scene.seen[before:]]
    return said


@given(MOVES, st.integers(0, 10**6))
def test_what_time_it_is_makes_no_difference(moves: list[tuple[str, int, int]], offset_s: int) -> None:
    assert told(moves) == told(moves, offset_s=float(offset_s * 64))


@given(MOVES, st.integers(0, 40))
def test_what_comes_later_changes_nothing_of_what_was_decided(
    moves: list[tuple[str, int, int]], count: int
) -> None:
    prefix = told(moves[:count])
    assert told(moves)[: len(prefix)] == prefix


@given(MOVES)
def test_after_a_drain_or_kill_there_is_silence_until_the_next_life_and_pauses_take_turns(
    moves: list[tuple[str, int, int]],
) -> None:
    ended, held = False, False
    flags = 0
    for move, what in told([*moves, ("start", 0, 0)]):
        action = what.split()[0]
        if move == "start":
            ended, flags = False, 0
        flags += action == "flag"
        assert not ended or action == "flag"
        ended = ended or action in {"drain", "kill"}
        if action in {"pause", "resume"}:
            assert held is (action == "resume")
            held = action == "pause"
        assert flags <= 1


@given(MOVES)
def test_decisions_are_sentences_with_figures(moves: list[tuple[str, int, int]]) -> None:
    for _, what in told(moves):
        assert (
            any(letter.isdigit() for letter in what)
            or "a fresh child is ready" in what
            or "finds room" in what
        )


def test_records_that_carry_nothing_change_nothing() -> None:
    empty: list[Record] = [
        LifeReady(t=0.0, life=1),
        Reading(t=1.0),
        SegmentBegin(t=2.0, segment=1, chars=5),
        SegmentEnd(t=3.0, segment=1, chars=5),
    ]
    panel = Panel(TERMS)
    decisions = [one for record in empty for one in panel.take(record)]
    assert decisions == panel.ask(4.0, Outlook(chars=(5,))) == []
    assert panel.figures() == {}
    assert all(isinstance(thought.why, str) for thought in panel.thoughts())
    assert all(before.t <= after.t for before, after in pairwise(empty))
    assert TERMS.device(100) == WatermarkLimits(soft_bytes=85, hard_bytes=95)
