from pathlib import Path

import pytest

from supervisor.cli.which import meant
from supervisor.edge.ledger_values import JobView, job_id_for
from supervisor.errors import UsageError


def view(job: str) -> JobView:
    return JobView(job=job, state="done", segments=1, done=1, failed=0, seconds=1.0, outputs=[], error=None)


VIEWS = [view("jabcd11111111"), view("jabcd22222222"), view("j777777777777")]


def find(wanted: str, *, whole: bool = False, views: list[JobView] | None = None) -> str:
    return meant(VIEWS if views is None else views, wanted, whole=whole, where="/state").job


def test_a_whole_id_always_does_and_its_beginning_where_nothing_is_changed() -> None:
    assert find("j777777777777", whole=True) == "j777777777777"
    assert find("j7777") == "j777777777777"
    with pytest.raises(UsageError, match="give the whole ID; this is the beginning of j777777777777"):
        find("j7777", whole=True)


def test_an_output_names_its_job_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file, folder = view(job_id_for(f"{tmp_path}/a.wav")), view(job_id_for(f"{tmp_path}/out/"))
    assert find("a.wav", whole=True, views=[file, folder]) == file.job
    assert find("out", views=[file, folder]) == folder.job


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ("", "is empty"),
        (" ", "is empty"),
        ("j", "too short"),
        ("j777", "too short"),
        ("jabcd", "several begin so"),
        ("jffff", "there is none in /state"),
        ("nonesuch", "there is none in /state"),
    ],
)
def test_what_names_no_one_job_is_refused_with_what_to_do(wanted: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        find(wanted)


def test_one_job_alone_is_not_named_by_less() -> None:
    for wanted in ("", "j", "j77"):
        with pytest.raises(UsageError):
            find(wanted, whole=True, views=VIEWS[2:])
