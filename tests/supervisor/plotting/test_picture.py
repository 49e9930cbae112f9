"""Pictures as files: their size, that something is on them, and the words on them."""

import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from supervisor.core.traces import LifeReady, Reading, Record, SegmentBegin, SegmentEnd, TraceVitals
from supervisor.errors import Unwritable
from supervisor.plotting.picture import draw, save
from supervisor.plotting.story import Story, Teller
from tests.supervisor.nights import GIB, LIVE_WHY, TERMS, night


@pytest.fixture(autouse=True)
def _fonts_once(fonts: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in fonts.items():
        monkeypatch.setenv(name, value)


def told(records: Iterable[Record], name: str = "night.jsonl") -> Story:
    teller = Teller()
    teller.add(name, records, TERMS)
    return teller.story


def svg_words(story: Story, folder: Path) -> list[str]:
    path = folder / "picture.svg"
    save(story, path)
    return re.findall(r"<text[^>]*>([^<]*)</text>", path.read_text("utf-8"))


def png_rows(path: Path) -> tuple[int, int, list[bytes]]:
    """Width, height and rows of an 8-bit PNG, each still with its filter byte."""
    content = path.read_bytes()
    width, height = struct.unpack(">II", content[16:24])
    packed = b"".join(chunk for kind, chunk in chunks(content) if kind == b"IDAT")
    pixels = zlib.decompress(packed)
    step = len(pixels) // height
    return width, height, [pixels[at : at + step] for at in range(0, len(pixels), step)]


def chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        yield content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        at += 12 + length


def test_a_png_is_1600_by_900_and_not_blank(tmp_path: Path) -> None:
    save(told(night(segments=150)), tmp_path / "night.png")
    width, height, rows = png_rows(tmp_path / "night.png")
    assert (width, height) == (1600, 900)
    # A blank row is one filter byte and then all alike; text, curves and bars make most rows differ.
    assert sum(len(set(row[1:])) > 8 for row in rows) > 500


def test_decisions_lives_and_marks_stand_on_the_picture_in_words(tmp_path: Path) -> None:
    words = svg_words(told(night(segments=150)), tmp_path)
    table = [word for word in words if LIVE_WHY in word or "leak" in word]
    assert any("drain" in word and "lookahead" in word and LIVE_WHY in word for word in table)
    assert any("flag" in word and "MiB" in word for word in table)
    assert {"life 1: leak", "hard mark", "soft mark", "live", "device, GiB", "host, GiB"} <= set(words)
    assert "night.jsonl: 3 lives, 150 segments" in words


def test_time_is_written_in_hours_and_minutes_by_the_clock_of_the_trace(tmp_path: Path) -> None:
    words = svg_words(told(night(segments=3000, life_segments=1000)), tmp_path)
    assert "hours:minutes" in words
    assert {"0:10", "0:30", "1:00"} <= set(words)


@pytest.mark.parametrize(("seconds", "tick"), [(3.0, "1:00:01.4"), (200.0, "1:01:00"), (50_000.0, "5:00")])
def test_ticks_are_as_fine_as_the_trace_is_short(tmp_path: Path, seconds: float, tick: str) -> None:
    began_s = 3600.0
    readings = [Reading(t=began_s + seconds * at / 50, device_used=GIB) for at in range(51)]
    assert tick in svg_words(told([LifeReady(t=began_s, life=1), *readings]), tmp_path)


def test_without_a_device_the_host_has_the_room(tmp_path: Path) -> None:
    vitals = TraceVitals(host_private=GIB)
    records = [LifeReady(t=0.0, life=1), SegmentEnd(t=9.0, segment=1, chars=5, seconds=1.0, vitals=vitals)]
    words = svg_words(told(records), tmp_path)
    assert "host, GiB" in words
    assert "device, GiB" not in words


@pytest.mark.parametrize("records", [[], [SegmentBegin(t=0.0, segment=1, chars=5)]])
def test_next_to_nothing_is_drawn_too(tmp_path: Path, records: list[Record]) -> None:
    assert "no decisions" in svg_words(told(records), tmp_path)


def test_names_in_any_script_and_with_dollars_are_shown_as_they_are(tmp_path: Path) -> None:
    name = "夜 $x$ _1.jsonl"
    assert any(
        word.startswith(f"{name}: 3 lives") for word in svg_words(told(night(segments=150), name), tmp_path)
    )
    save(told(night(segments=20), name), tmp_path / "picture.png")


def test_a_style_of_the_user_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    story = told(night(segments=30))
    save(story, tmp_path / "plain.png")
    (tmp_path / "matplotlibrc").write_text("figure.dpi: 30\nsavefig.bbox: tight\naxes.facecolor: black\n")
    monkeypatch.chdir(tmp_path)
    save(story, tmp_path / "styled.png")
    assert (tmp_path / "styled.png").read_bytes() == (tmp_path / "plain.png").read_bytes()


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Unwritable, match="no-such-folder"):
        save(told([]), tmp_path / "no-such-folder" / "picture.png")


def test_a_picture_of_several_runs_parts_them() -> None:
    records = list(night(segments=10))
    figure = draw(told([*records, *records]))
    assert figure.texts[0].get_text() == "night.jsonl · night.jsonl, run 2: 2 lives, 20 segments"
