from supervisor.edge.ledger_values import Failure
from supervisor.edge.ledger_words import no_job, not_planned, not_spoken
from supervisor.narration.plan import BadLine

BAD = [BadLine(source=0, line=line, message=f"no text in {line}", start=0, end=1) for line in (2, 5, 8)]


def test_what_was_not_spoken_is_told_in_a_few_words() -> None:
    failure = Failure(number=7, chapter=0, text_head="x", kind="crash", message="m" * 500, attempts=3)
    said = not_spoken(BAD, [failure])
    assert said == (
        "4 not spoken: line 2: no text in 2; line 5: no text in 5; line 8: no text in 8; and 1 more"
    )
    assert not_spoken([], [failure]) == f"1 not spoken: segment 7: crash: {'m' * 119}…"


def test_what_is_not_there_is_named_with_what_to_do() -> None:
    assert "jx" in no_job("jx")
    assert "jobs list" in no_job("jx")
    assert "jx" in not_planned("jx")
    assert "jobs retry" in not_planned("jx")
