from supervisor.config import load_config
from supervisor.config.memoryterms import memory_terms
from supervisor.core.memoryterms import MemoryTerms

GIB = 2**30


def terms(*sets: str) -> MemoryTerms:
    return memory_terms(load_config(sets=sets, environ={}), host_total_bytes=40 * GIB)


def test_shares_are_of_the_total_that_a_reading_tells() -> None:
    limits = terms("memory.device.soft='50%'", "memory.device.hard='75%'").device(8 * GIB)
    assert (limits.soft_bytes, limits.hard_bytes) == (4 * GIB, 6 * GIB)


def test_sizes_are_sizes_whatever_the_total() -> None:
    limits = terms("memory.host.soft='1GiB'", "memory.host.hard='2GiB'").host(64 * GIB)
    assert (limits.soft_bytes, limits.hard_bytes) == (GIB, 2 * GIB)


def test_a_fixed_soft_mark_above_a_share_of_a_small_machine_acts_with_the_hard_one() -> None:
    limits = terms("memory.device.soft='6GiB'", "memory.device.hard='50%'").device(8 * GIB)
    assert (limits.soft_bytes, limits.hard_bytes) == (4 * GIB, 4 * GIB)


def test_a_share_that_counts_as_a_leak_is_of_the_total_that_is_known() -> None:
    limits = terms("memory.leak.live='10%'", "memory.leak.other='20%'").leak(10 * GIB)
    assert (limits.live_bytes, limits.other_bytes) == (GIB, 2 * GIB)


def test_the_clock_and_degrading_are_off_until_they_are_wanted() -> None:
    plain = terms()
    assert (plain.clean_after, plain.max_segments, plain.may_degrade) == ("never", 0, False)
    wanted = terms("memory.clean_after='job'", "child.max_segments=9", "degrade.steps=['24khz']")
    assert (wanted.clean_after, wanted.max_segments, wanted.may_degrade) == ("job", 9, True)
    assert wanted.host_total_bytes == 40 * GIB
