from supervisor.policy.ratchet import Ratchet, mib


def test_sizes_are_told_with_as_many_digits_as_matter() -> None:
    assert (mib(1.25 * 2**20), mib(1250 * 2**20)) == ("1.2 MiB", "1250 MiB")


def test_a_level_is_no_leak() -> None:
    ratchet = Ratchet("memory", 1000)
    assert not any(ratchet.take(5000, 80, may_be_cache=False) for _ in range(500))
