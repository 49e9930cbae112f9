"""Values that others rely on."""

from supervisor.edge.ledger_values import JobView, job_id_for


def test_a_job_is_known_by_its_output_alone() -> None:
    assert job_id_for("/out/story.flac") == "j23eb59a762f1"  # written in people's notes: it must not change
    assert job_id_for("/out/story/") != job_id_for("/out/story")


def test_an_output_that_is_no_text_has_an_identity_too() -> None:
    assert job_id_for("/out/\udcff.wav") != job_id_for("/out/?.wav")


def test_a_view_is_what_the_contract_says() -> None:
    view = JobView(
        job="j1", state="done", segments=2, done=1, failed=1, seconds=1.5, outputs=["/a"], error=None
    )
    assert view.as_json() == {
        "job": "j1",
        "state": "done",
        "segments": 2,
        "done": 1,
        "failed": 1,
        "seconds": 1.5,
        "outputs": ["/a"],
    }
