import itertools

from supervisor.policy.verdict import Verdict


def test_verdicts_stand_softest_first_and_combine_by_max() -> None:
    names = ["KEEP", "PAUSE", "RELEASE", "RECYCLE", "REFUSE", "KILL"]
    assert [verdict.name for verdict in sorted(Verdict)] == names
    for one, other in itertools.combinations(names, 2):
        assert max(Verdict[one], Verdict[other]) is Verdict[other]
