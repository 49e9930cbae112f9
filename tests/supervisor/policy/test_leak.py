from supervisor.policy.leak import Leak, LeakLimits, Sample

MIB = 2**20
LIMITS = LeakLimits(live_bytes=128 * MIB, other_bytes=160 * MIB)


def live(levels_mib: list[float]) -> Leak:
    """Judge a life whose live bytes stand at these levels after its segments."""
    leak = Leak(LIMITS, card_bytes=None)
    for level_mib in levels_mib:
        leak.take(Sample(chars=100, live_bytes=int(level_mib * MIB)))
    return leak


def test_a_level_that_stays_is_no_leak() -> None:
    flat = live([3000.0] * 500)
    assert (flat.why, flat.rate_bytes) == ("", 0.0)


def test_what_grows_steadily_is_a_leak_and_its_rate_is_told() -> None:
    leak = live([3000.0 + 6 * n for n in range(200)])
    assert leak.why
    assert 5.5 * MIB < leak.rate_bytes < 6.5 * MIB
