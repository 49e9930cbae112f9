import itertools
import math
import pickle
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.policy.leak import WARM_UP, Leak, LeakLimits, Sample

MIB = 2**20
GIB = 2**30
LIMITS = LeakLimits(live_bytes=128 * MIB, other_bytes=160 * MIB)


def judge(samples: Iterable[Sample], *, card_bytes: int | None = None) -> tuple[Leak, int | None]:
    """Judge a life; return the segment, counted from 1, at which the policy was first sure."""
    leak = Leak(LIMITS, card_bytes=card_bytes)
    sure: int | None = None
    for at, sample in enumerate(samples, start=1):
        leak.take(sample)
        if leak.why and sure is None:
            sure = at
    return leak, sure


def torch(live_mib: float, *, declared_mib: float = 0, other_mib: float = 500) -> Sample:
    return Sample(
        chars=80,
        live_bytes=int(live_mib * MIB),
        declared_bytes=int(declared_mib * MIB),
        other_bytes=int(other_mib * MIB),
        host_bytes=2 * GIB,
        reserved_bytes=9 * GIB,
    )


FLAT = [torch(3000)] * 500


@pytest.mark.parametrize("field", ["live_bytes", "other_bytes"])
def test_a_limit_is_positive(field: str) -> None:
    with pytest.raises(ValueError, match="above 0"):
        replace(LIMITS, **{field: 0})


# ------------------------------------------------------------------ which figure


def test_live_memory_that_no_cache_explains_leaks() -> None:
    leak, sure = judge(torch(3000 + 6 * n) for n in range(60))
    assert sure == 41
    assert leak.why == (
        "live memory outside declared caches grew by 168 MiB over 3072 MiB in 41 segments, "
        "by 6.0 MiB a segment"
    )
    assert leak.rate_bytes == pytest.approx(6 * MIB, rel=0.1)


def test_a_cache_that_is_declared_explains_itself() -> None:
    assert judge(torch(3000 + 6 * n, declared_mib=6 * n) for n in range(500))[1] is None


def test_a_leak_beside_a_declared_cache_is_found_as_soon() -> None:
    assert judge(torch(3000 + 12 * n, declared_mib=6 * n) for n in range(500))[1] == 41


def test_memory_outside_torch_leaks() -> None:
    leak, sure = judge(torch(3000, other_mib=500 + 10 * n) for n in range(60))
    assert sure is not None
    assert sure < 41
    assert "outside torch" in leak.why


def test_reserved_memory_is_no_signal() -> None:
    longer = (replace(torch(3000), reserved_bytes=(5 + n // 20) * GIB, chars=n + 1) for n in range(500))
    assert judge(longer)[1] is None


def test_the_host_memory_of_an_engine_on_torch_is_not_looked_at() -> None:
    samples = [replace(torch(3000), host_bytes=GIB + 6 * n * MIB) for n in range(500)]
    samples[300] = replace(samples[300], live_bytes=None)  # once it said nothing
    assert judge(samples)[1] is None


def host(n: int, slope_mib: float) -> Sample:
    return Sample(chars=80, host_bytes=int((700 + slope_mib * n) * MIB))


def test_without_torch_private_host_memory_leaks_by_a_limit_and_a_half() -> None:
    leak, sure = judge(host(n, 6) for n in range(100))
    assert sure is not None
    assert sure > 44
    assert "private host memory" in leak.why
    assert leak.rate_bytes == pytest.approx(6 * MIB, rel=0.1)
    assert judge(host(n, 0) for n in range(500))[1] is None


def test_without_torchs_figures_all_its_device_memory_is_looked_at_from_farther() -> None:
    whole = [Sample(chars=80, other_bytes=(9000 + 20 * n) * MIB) for n in range(200)]
    leak, sure = judge(whole)
    assert sure is not None
    assert sure > 64  # 1,280 MiB
    assert "its device memory grew" in leak.why


def test_a_child_on_torch_that_once_does_not_say_what_it_reserved_is_still_one_on_torch() -> None:
    silent = [replace(torch(3000), live_bytes=None, reserved_bytes=None, other_bytes=9000 * MIB)] * 4
    samples = itertools.chain.from_iterable([torch(3000), one] for one in silent * 20)
    assert judge(samples)[1] is None


def test_figures_that_nobody_tells_are_no_growth() -> None:
    unknown = Sample(chars=80)
    leak, sure = judge([unknown] * 100)
    assert (sure, leak.rate_bytes) == (None, 0.0)
    sparse = (torch(3000 + 6 * n) if n % 3 else unknown for n in range(200))
    assert judge(sparse)[1] is not None


# ------------------------------------------------------------------ the floor that survives a release


def released(floors_mib: list[int], split_mib: int | None = 0) -> str:
    leak = Leak(LIMITS, card_bytes=None)
    for floor in floors_mib:
        split = None if split_mib is None else split_mib * MIB
        reserved = (3000 + floor + (split_mib or 0)) * MIB
        leak.released(reserved_bytes=reserved, live_bytes=3000 * MIB, inactive_split_bytes=split)
    return leak.why


@pytest.mark.parametrize(
    ("floors_mib", "split_mib", "leaks"),
    [
        ([20, 20, 20], 0, False),
        ([20, 149, 20, 149], 0, False),  # not twice in a row
        ([20, 148, 148], 0, False),
        ([20, 149, 149], 0, True),
        ([20, 149, 149], 700, True),  # fragments are taken out
        ([20, 149, 149], None, False),  # and may be it where they are not known
        ([20, 1045, 1045], None, True),
        ([300], 0, False),
    ],
)
def test_what_stays_reserved_after_releases_counts(
    floors_mib: list[int], split_mib: int | None, leaks: bool
) -> None:
    assert bool(released(floors_mib, split_mib)) is leaks


def test_the_words_for_a_floor_tell_by_how_much_it_grew() -> None:
    assert released([20, 149, 300]) == "what torch keeps reserved after a release grew by 129 MiB over 20 MiB"


# ------------------------------------------------------------------ cards


def test_on_a_small_card_less_is_a_leak() -> None:
    tiny = [torch(300 + 2 * n) for n in range(100)]
    assert judge(tiny, card_bytes=GIB)[1] == 41  # 32 MiB
    assert (judge(tiny)[1] or math.inf) > 41


def test_on_a_large_card_the_limit_stays() -> None:
    samples = [torch(3000 + 2.9 * n) for n in range(100)]
    assert judge(samples, card_bytes=24 * GIB)[1] == judge(samples)[1]


# ------------------------------------------------------------------ how fast


def test_half_a_gigabyte_a_segment_is_seen_from_the_second_one() -> None:
    leak, _ = judge(torch(7200 + 512 * n) for n in range(2))
    assert leak.rate_bytes == 512 * MIB
    assert leak.exhaustion_segments(2 * GIB) == 4.0
    assert judge((torch(7200 + 512 * n) for n in range(8)), card_bytes=10 * GIB)[1] == 6
    assert (
        judge((torch(2000 + 80 * min(n, 15)) for n in range(300)), card_bytes=24 * GIB)[1] is None
    )  # warms up


def test_what_is_full_or_more_has_no_segments_left() -> None:
    leak, _ = judge(torch(7200 + 512 * n) for n in range(2))
    assert leak.exhaustion_segments(0) == leak.exhaustion_segments(-GIB) == 0.0


def test_what_does_not_grow_is_never_exhausted() -> None:
    assert judge(FLAT)[0].exhaustion_segments(1) == math.inf


def test_leaks_within_torch_and_outside_add_up() -> None:
    leak, _ = judge(torch(3000 + 6 * n, other_mib=500 + 4 * n) for n in range(300))
    assert leak.rate_bytes == pytest.approx(10 * MIB, rel=0.1)


# ------------------------------------------------------------------ laws

figures = st.one_of(st.none(), st.integers(0, 40).map(lambda n: n * 32 * MIB))
samples = st.builds(
    Sample,
    chars=st.integers(1, 400),
    live_bytes=figures,
    declared_bytes=figures,
    other_bytes=figures,
    host_bytes=figures,
    reserved_bytes=figures,
)


@given(st.lists(samples, max_size=60))
def test_whatever_is_told_the_rate_is_no_less_than_nothing_and_a_reason_stays(told: list[Sample]) -> None:
    leak, whys = Leak(LIMITS, card_bytes=8 * GIB), [""]
    for one in told:
        leak.take(one)
        whys.append(leak.why)
        assert leak.rate_bytes >= 0.0
        assert leak.exhaustion_segments(GIB) >= 0.0
    first = next((why for why in whys if why), "")
    assert all(why in ("", first) for why in whys)
    assert leak.why == first


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=200))
def test_what_is_declared_never_leaks(cached_mib: list[int]) -> None:
    assert judge(torch(3000 + one, declared_mib=one) for one in cached_mib)[1] is None


def test_a_life_begins_anew() -> None:
    first, _ = judge(torch(3000 + 6 * n) for n in range(60))
    second, sure = judge([torch(3354)] * 60)
    assert first.why
    assert (second.why, sure) == ("", None)


def test_a_life_of_any_length_is_kept_in_little_memory() -> None:
    leak, _ = judge(torch(3000 + n / 4) for n in range(20_000))
    assert len(pickle.dumps(leak)) < 4096
    assert leak.rate_bytes == pytest.approx(MIB / 4, rel=0.1)


def test_the_baseline_is_of_a_warm_child() -> None:
    assert WARM_UP == 16
    assert judge(torch(3000 + 40 * min(n, 12)) for n in range(500))[1] is None
