"""Finished files: their names, their rates, their pieces."""

from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.edge.ledger_files import (
    MAX_NAME_BYTES,
    ChapterRow,
    exact_stem,
    files_of,
    pieces_of,
    safe_stem,
)
from supervisor.edge.ledger_schema import LedgerError
from supervisor.edge.ledger_values import AudioPiece, Piece, SegmentState, Silence, StoredSegment
from supervisor.narration.plan import PauseKind
from supervisor.wire.speech import expected_s
from tests.standin.jobs import spec_for


def chapter(
    number: int,
    title: str,
    *,
    name: str | None = None,
    asked_hz: int | None = None,
    spoken_hz: int | None = None,
) -> ChapterRow:
    return ChapterRow(number=number, title=title, name=name, asked_hz=asked_hz, spoken_hz=spoken_hz)


def paths(*chapters: ChapterRow, file_format: Literal["wav", "flac"] = "wav") -> list[str]:
    return [file.path for file in files_of(spec_for("/out/", file_format=file_format), list(chapters))]


# ------------------------------------------------------------------ names


def test_a_folder_gets_a_file_per_chapter_that_sorts_as_the_chapters_do() -> None:
    assert paths(chapter(0, "The Lighthouse"), chapter(1, "灯塔"), file_format="flac") == [
        "/out/01 The Lighthouse.flac",
        "/out/02 灯塔.flac",
    ]
    many = paths(*(chapter(number, "A") for number in range(120)))
    assert many == sorted(many)


def test_a_line_is_named_exactly_as_it_says() -> None:
    names = ["utt-001", "a:b", " spaced ", ".hidden", "灯塔 *?"]
    assert paths(*(chapter(n, name, name=name) for n, name in enumerate(names))) == [
        f"/out/{name}.wav" for name in names
    ]


def test_no_two_files_share_a_name() -> None:
    found = paths(chapter(0, "A"), chapter(1, "x", name="01 A"), chapter(2, "y", name="01 A"))
    assert found == ["/out/01 A.wav", "/out/01 A (2).wav", "/out/01 A (3).wav"]


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        ("../../etc/passwd", "etc passwd"),
        ('a/b\\c:d*e?f"g<h>i|j', "a b c d e f g h i j"),
        ("line\nbreak\tand\x00nul", "line break and nul"),
        ("\u202eevil\u202c", "evil"),
        ("CON", "CON_"),
        ("lpt1.txt", "lpt1.txt_"),
        ("...", "untitled"),
        ("", "untitled"),
        ("ends with dots. . .", "ends with dots"),
        ("e\u0301", "\u00e9"),
    ],
)
def test_a_title_becomes_a_name_that_every_file_system_takes(wanted: str, got: str) -> None:
    assert safe_stem(wanted) == got


@given(wanted=st.text(st.characters(), max_size=400))
def test_no_name_leaves_its_folder_or_grows_too_long(wanted: str) -> None:
    for stem in (safe_stem(wanted), exact_stem(wanted)):
        assert 0 < len(stem.encode()) <= MAX_NAME_BYTES + 1  # one for the mark after a reserved name
        assert Path("/out", f"{stem}.wav").parent == Path("/out")
        assert "\0" not in stem


# ------------------------------------------------------------------ rates


@pytest.mark.parametrize(
    ("job_hz", "line_hz", "spoken_hz", "expected_hz"),
    [
        (None, None, 22_050, 22_050),
        (44_100, None, 22_050, 44_100),
        (44_100, 16_000, 22_050, 16_000),
        (None, 16_000, None, 16_000),
        (None, None, None, 24_000),
    ],
)
def test_a_files_rate_is_the_lines_then_the_jobs_then_that_of_its_audio(
    job_hz: int | None, line_hz: int | None, spoken_hz: int | None, expected_hz: int
) -> None:
    chapters = [chapter(0, "A", asked_hz=line_hz, spoken_hz=spoken_hz)]
    (file,) = files_of(spec_for("/out/", sample_rate_hz=job_hz), chapters)
    assert file.sample_rate_hz == expected_hz


def test_one_file_has_all_chapters_at_the_highest_rate_spoken() -> None:
    chapters = [chapter(0, "A", spoken_hz=16_000), chapter(1, "B", spoken_hz=24_000), chapter(2, "C")]
    (file,) = files_of(spec_for("/out/story.flac", file_format="flac"), chapters)
    assert (file.path, file.title, file.chapters) == ("/out/story.flac", "A", (0, 1, 2))
    assert (file.sample_rate_hz, file.format) == (24_000, "flac")


@pytest.mark.parametrize("output", ["/out/", "/out/story.wav"])
def test_a_job_without_chapters_has_no_file(output: str) -> None:
    assert files_of(spec_for(output), []) == []


# ------------------------------------------------------------------ pieces


def segment(number: int, state: SegmentState, pause: PauseKind) -> StoredSegment:
    done = state == "done"
    return StoredSegment(
        number=number,
        chapter=0,
        key=f"k{number}",
        text=f"Sentence {number}.",
        pause=pause,
        source=0,
        start=number,
        end=number + 1,
        state=state,
        attempts=1,
        kind=None,
        message=None,
        path=f"audio/j/k{number}.wav" if done else None,
        samples=100 + number if done else None,
        sample_rate_hz=24_000 if done else None,
        sha256="00" if done else None,
    )


def pieces(*segments: StoredSegment) -> list[Piece]:
    return list(pieces_of(spec_for("/out/a.wav"), Path("/state"), segments))


def audio(number: int) -> AudioPiece:
    wav = Path(f"/state/audio/j/k{number}.wav")
    return AudioPiece(wav=wav, samples=100 + number, sample_rate_hz=24_000, sha256="00")


def test_pauses_stand_between_segments_by_their_kind_and_never_at_the_end() -> None:
    kinds: list[PauseKind] = ["none", "sentence", "paragraph", "heading", "heading"]
    assert pieces(*(segment(n, "done", kind) for n, kind in enumerate(kinds))) == [
        *(audio(0), audio(1), Silence(seconds=0.25)),
        *(audio(2), Silence(seconds=0.5)),
        *(audio(3), Silence(seconds=1.0), audio(4)),
    ]


def test_silence_of_the_expected_length_stands_for_what_failed() -> None:
    found = pieces(segment(0, "failed", "sentence"), segment(1, "done", "sentence"))
    assert found == [Silence(seconds=expected_s("Sentence 0.")), Silence(seconds=0.25), audio(1)]


def test_nothing_is_delivered_with_a_segment_that_still_waits() -> None:
    with pytest.raises(LedgerError, match="segment 1 is neither"):
        pieces(segment(0, "done", "none"), segment(1, "waiting", "none"))


@given(states=st.lists(st.sampled_from(["done", "failed"]), min_size=1, max_size=30), data=st.data())
def test_the_pieces_add_up(states: list[SegmentState], data: st.DataObject) -> None:
    kinds: st.SearchStrategy[PauseKind] = st.sampled_from(["none", "sentence", "paragraph", "heading"])
    segments = [segment(n, state, data.draw(kinds)) for n, state in enumerate(states)]
    found = pieces(*segments)
    lengths_s = {"none": 0.0, "sentence": 0.25, "paragraph": 0.5, "heading": 1.0}
    heard = sum(piece.samples for piece in found if isinstance(piece, AudioPiece))
    silent_s = sum(piece.seconds for piece in found if isinstance(piece, Silence))
    assert heard == sum(part.samples or 0 for part in segments)
    missing_s = sum(expected_s(part.text) for part in segments if part.state == "failed")
    pauses_s = sum(lengths_s[part.pause] for part in segments[:-1])
    assert silent_s == pytest.approx(missing_s + pauses_s)
