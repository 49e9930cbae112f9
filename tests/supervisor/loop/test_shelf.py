"""A job's segments, as the runner fetches and writes them: what is written is in the ledger."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from supervisor.edge.ledger import Ledger
from supervisor.edge.statefolder import StateFolder
from supervisor.loop.shelf import LedgerShelf
from supervisor.narration.degrading import Recut
from tests.standin.jobs import plan_of, spec_for

SPEC = spec_for("/out/")
JOB = SPEC.job


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger.open(tmp_path / "state")) as opened:
        opened.save_plan(SPEC, plan_of(["One.", "Two."]))
        yield opened


def shelf_of(ledger: Ledger) -> LedgerShelf:
    async def recut(chapter: int, why: str) -> Recut:
        return Recut(chapter=chapter, step=None, why=f"{chapter}: {why}")

    return LedgerShelf(StateFolder(ledger.folder), ledger, JOB, recut)


def test_what_is_written_through_it_is_in_the_ledger(ledger: Ledger) -> None:
    shelf = shelf_of(ledger)
    one, two = shelf.waiting(-1, 100)
    assert (one.job, shelf.job, shelf.size().segments) == (JOB, JOB, 2)
    shelf.claim(one.key)
    shelf.unclaim(one.key, killed=True)
    shelf.claim(two.key)
    shelf.charge(two.key)
    shelf.set_aside(one.key, "quality", "silent")
    (left,) = ledger.waiting(JOB, -1, 100)
    assert (left.key, left.attempts, left.killed) == (two.key, 1, 0)
    assert [failure.message for failure in ledger.failures(JOB)] == ["silent"]


def test_whoever_wants_to_know_hears_of_what_is_given_up_once_it_is_noted(ledger: Ledger) -> None:
    async def recut(chapter: int, why: str) -> Recut:
        return Recut(chapter=chapter, step=None, why=why)

    heard: list[tuple[str, str, int]] = []
    shelf = LedgerShelf(
        StateFolder(ledger.folder),
        ledger,
        JOB,
        recut,
        worded=str.upper,
        given_up=lambda kind, why: heard.append((kind, why, len(ledger.failures(JOB)))),
    )
    shelf.set_aside(shelf.waiting(-1, 1)[0].key, "voice_not_found", "no voice")
    assert heard == [("voice_not_found", "NO VOICE", 1)]


@pytest.mark.parametrize(("why", "state"), [("others hold the card", "paused"), ("", "running")])
def test_a_pause_is_noted_with_its_reason(ledger: Ledger, why: str, state: str) -> None:
    shelf_of(ledger).set_paused(why)
    view = ledger.view(JOB)
    assert view is not None
    assert (view.state, view.error) == (state, why or None)


def test_audio_lies_where_the_ledger_will_name_it(ledger: Ledger) -> None:
    shelf = shelf_of(ledger)
    part = shelf.begin_audio("k")
    part.commit(8000)
    assert (ledger.folder / shelf.audio_name("k")).exists()
    assert part.path == ledger.folder / "audio" / JOB / "k.wav"


def test_a_chapter_is_cut_by_whoever_can(ledger: Ledger) -> None:
    assert asyncio.run(shelf_of(ledger).recut(3, "no room")).why == "3: no room"


def test_why_a_segment_failed_is_noted_in_the_words_of_whoever_made_it(ledger: Ledger) -> None:
    async def recut(chapter: int, why: str) -> Recut:
        return Recut(chapter=chapter, step=None, why=why)

    shelf = LedgerShelf(StateFolder(ledger.folder), ledger, JOB, recut, worded=lambda text: f"{text}!")
    (one, _) = shelf.waiting(-1, 100)
    shelf.set_aside(one.key, "voice_not_found", "no such voice")
    assert [failure.message for failure in ledger.failures(JOB)] == ["no such voice!"]
