"""What ails a device and its child, as what is told of them shows it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.core import actions as do
from supervisor.core.notes import ChildState
from supervisor.core.readings import DeviceReading, DeviceUnknown, UnknownKind
from supervisor.loop.health import Ailment, Signs, ending_with, of_all, utc
from supervisor.wire.messages import Failed, Figures, Ready, Vitals

FIGURES = DeviceReading(total_bytes=10, used_bytes=1, child_bytes=None, api="v2")
LOST = DeviceUnknown(kind="lost", text="the GPU is lost (NVML error 15); reboot; now")
CANARY = Figures(
    seconds=1.0,
    peak=0.5,
    clipped_share=0.0,
    longest_silence_s=0.0,
    tail_silence_s=0.0,
    level_jump_db=0.0,
)


def ready(*, uses_device: bool = True) -> Ready:
    return Ready(
        engine="e",
        engine_version="1",
        voice="v",
        sample_rate_hz=24_000,
        clones=False,
        uses_device=uses_device,
        pace_s_per_char=None,
        took_s=0.1,
        canary=CANARY,
        vitals=Vitals(host_private_bytes=1),
    )


def failed(*, sticky: bool) -> Failed:
    return Failed(
        segment_id=1,
        attempt=1,
        kind="engine",
        message="CUDA error: an illegal memory access",
        retryable=True,
        sticky=sticky,
        figures=None,
        vitals=Vitals(host_private_bytes=1),
    )


def gone(*, planned: bool) -> ChildState:
    return ChildState(
        life=3, state="gone", why="killed by SIGSEGV", signal="SIGSEGV", memory={}, planned=planned
    )


def kinds(signs: Signs) -> list[tuple[str, bool]]:
    return [(one.kind, one.stops) for one in signs.ailments]


def unknown(kind: UnknownKind) -> DeviceUnknown:
    return DeviceUnknown(kind=kind, text=f"{kind} was seen; mend it")


@pytest.mark.parametrize(
    ("kind", "ailment"),
    [
        ("lost", [("gpu_lost", True)]),
        ("mismatch", [("driver_mismatch", False)]),
        ("hung", [("driver_hangs", False)]),
        ("error", [("driver_fails", False)]),
        ("absent", []),
        ("no_permission", []),
        ("not_supported", []),
    ],
)
def test_what_the_driver_says_ails_until_it_tells_figures_again(
    kind: UnknownKind, ailment: list[tuple[str, bool]]
) -> None:
    signs = Signs()
    signs.read(unknown(kind), 0.0)
    assert kinds(signs) == ailment
    assert [(one.words, one.mend) for one in signs.ailments] == [(f"{kind} was seen", "mend it")] * len(
        ailment
    )
    signs.read(FIGURES, 1.0)
    assert kinds(signs) == []


def test_a_gpu_that_is_there_no_more_is_lost_and_one_that_never_was_is_not() -> None:
    signs = Signs()
    signs.read(unknown("absent"), 0.0)
    assert kinds(signs) == []
    signs.read(FIGURES, 1.0)
    signs.read(unknown("absent"), 2.0)
    (one,) = signs.ailments
    assert (one.kind, one.words) == ("gpu_lost", "the GPU is no longer there: absent was seen")


def test_an_ailment_is_as_old_as_its_first_sign_and_another_is_younger() -> None:
    signs = Signs()
    signs.read(LOST, 10.0)
    signs.read(LOST, 20.0)
    assert [one.since for one in signs.ailments] == [utc(10.0)]
    signs.read(unknown("hung"), 30.0)
    assert [one.since for one in signs.ailments] == [utc(30.0)]
    assert utc(30.0) == "1970-01-01T00:00:30.000+00:00"


def test_a_device_that_the_child_does_not_use_ails_nobody() -> None:
    signs = Signs()
    signs.read(LOST, 0.0)
    assert kinds(signs) == [("gpu_lost", True)]
    signs.hear(ready(uses_device=False), 1.0)
    assert kinds(signs) == []
    signs.hear(ready(uses_device=True), 2.0)
    assert kinds(signs) == [("gpu_lost", True)]


def test_a_poisoned_child_ails_until_a_canary_spoke_however_it_ends() -> None:
    signs = Signs()
    signs.hear(failed(sticky=False), 0.0)
    assert kinds(signs) == []
    signs.hear(failed(sticky=True), 1.0)
    signs.note(gone(planned=False), 2.0)
    (one,) = signs.ailments
    assert (one.kind, one.since, one.stops) == ("child_poisoned", utc(1.0), True)
    assert "illegal memory access" in one.words
    signs.hear(ready(), 3.0)
    assert kinds(signs) == []


def test_a_death_ails_until_a_canary_spoke_and_a_planned_end_does_not() -> None:
    signs = Signs()
    signs.note(gone(planned=True), 0.0)
    assert kinds(signs) == []
    signs.note(gone(planned=False), 1.0)
    signs.note(gone(planned=False), 2.0)
    (one,) = signs.ailments
    assert (one.kind, one.words, one.since) == (
        "child_died",
        "child life 3 ended: killed by SIGSEGV",
        utc(1.0),
    )
    signs.hear(ready(), 3.0)
    assert kinds(signs) == []


def test_a_successor_that_died_beside_one_that_works_ails_nobody() -> None:
    signs = Signs()
    signs.note(gone(planned=False), 1.0, worker=2)
    assert kinds(signs) == []


def test_while_one_of_several_devices_speaks_nothing_is_stopped() -> None:
    well, lost, also_lost = Signs(), Signs(), Signs()
    lost.read(LOST, 0.0)
    also_lost.read(LOST, 0.0)
    assert [one.stops for one in of_all([well, lost])] == [False]
    assert [one.stops for one in of_all([also_lost, lost])] == [True, True]
    assert of_all([well]) == []
    assert of_all([]) == []


AILMENTS = st.lists(
    st.builds(
        Ailment,
        kind=st.sampled_from(["gpu_lost", "driver_mismatch", "child_died", "disk_full"]),
        words=st.just("seen"),
        mend=st.just("mend"),
        since=st.just(""),
        stops=st.booleans(),
    )
)


@given(AILMENTS, st.sampled_from(["gave_up", "configuration", "stopped", "full", "stuck", "held"]))
def test_an_end_keeps_its_reason_and_only_a_crash_loop_on_a_lost_gpu_changes_its_kind(
    ailments: list[Ailment], ending: do.Ending
) -> None:
    ended = ending_with(do.Finish(ending=ending, why="five died"), ailments)
    assert "five died" in ended.why
    found = {one.kind for one in ailments}
    is_lost = ending == "gave_up" and "gpu_lost" in found
    assert ended.ending == ("held" if is_lost else ending)
    names_it = bool(found & {"gpu_lost", "driver_mismatch"}) and ending in ("gave_up", "configuration")
    assert ("seen; mend" in ended.why) is names_it
