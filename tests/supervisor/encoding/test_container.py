"""Samples into containers, heard again by libraries that are not ours."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor.encoding.container import Container
from supervisor.encoding.header import EncodedFormat, EncodingError, Header
from tests.supervisor.encoding.sounds import (
    TONE_HZ,
    heard_by_av,
    heard_by_libsndfile,
    pcm_by_av,
    pcm_by_libsndfile,
    tags_by_av,
    tone,
)

FORMATS: list[EncodedFormat] = ["mp3", "opus", "aac", "flac"]

#: What a codec may add: MP3 and AAC say nothing of their first and last frames, two of each at most.
MOST_ADDED_S = {"mp3": 0.2, "opus": 0.0001, "aac": 0.28, "flac": 0.0}


def encode(header: Header, *pieces: bytes) -> bytes:
    written: list[bytes] = []
    container = Container(header, written.append)
    for piece in pieces:
        container.take(piece)
    container.end()
    return b"".join(written)


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000])
def test_a_tone_comes_out_whole_and_at_its_pitch(format_: EncodedFormat, rate_hz: int) -> None:
    heard = heard_by_av(encode(Header(format=format_, sample_rate_hz=rate_hz), tone(2, rate_hz)))
    assert 2.0 <= heard.seconds <= 2.0 + MOST_ADDED_S[format_]
    assert heard.pitch_hz == pytest.approx(TONE_HZ, abs=1.0)
    assert heard.rate_hz == (48_000 if format_ == "opus" else rate_hz)


@pytest.mark.parametrize(("format_", "samples"), [("mp3", None), ("opus", None), ("flac", 48_000)])
def test_another_library_hears_the_same(format_: EncodedFormat, samples: int | None) -> None:
    header = Header(format=format_, sample_rate_hz=24_000, samples=samples)
    heard = heard_by_libsndfile(encode(header, tone(2, 24_000)))
    assert 2.0 <= heard.seconds <= 2.0 + MOST_ADDED_S[format_]
    assert heard.pitch_hz == pytest.approx(TONE_HZ, abs=1.0)


@pytest.mark.parametrize(
    ("format_", "rate_hz", "made_hz"),
    [
        ("mp3", 4_000, 8_000),
        ("mp3", 20_000, 22_050),
        ("mp3", 192_000, 48_000),
        ("opus", 44_100, 48_000),
        ("aac", 4_000, 8_000),
        ("aac", 50_000, 64_000),
        ("aac", 192_000, 96_000),
        ("flac", 12_345, 12_345),
    ],
)
def test_a_rate_that_the_codec_lacks_becomes_its_next_higher(
    format_: EncodedFormat, rate_hz: int, made_hz: int
) -> None:
    heard = heard_by_av(encode(Header(format=format_, sample_rate_hz=rate_hz), tone(1, rate_hz)))
    assert heard.rate_hz == made_hz
    assert heard.pitch_hz == pytest.approx(TONE_HZ, abs=1.5)


def test_flac_gives_back_every_sample() -> None:
    pcm = tone(1.2345, 22_050)
    flac = encode(Header(format="flac", sample_rate_hz=22_050, samples=len(pcm) // 2), pcm)
    assert pcm_by_libsndfile(flac) == pcm


def test_flac_of_unknown_length_is_whole_for_who_reads_to_the_end() -> None:
    pcm = tone(1.5, 24_000)
    assert pcm_by_av(encode(Header(format="flac", sample_rate_hz=24_000), pcm)) == pcm


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(FORMATS), st.lists(st.integers(0, 9_600), max_size=8))
def test_the_bytes_are_the_same_however_the_samples_were_cut(format_: EncodedFormat, cuts: list[int]) -> None:
    header, pcm = Header(format=format_, sample_rate_hz=16_000), tone(0.3, 16_000)
    edges = [0, *sorted(cuts), len(pcm)]
    assert encode(header, *(pcm[a:b] for a, b in pairwise(edges))) == encode(header, pcm)


@pytest.mark.parametrize("format_", FORMATS)
def test_what_came_in_is_on_its_way_out_within_a_fifth_of_a_second(format_: EncodedFormat) -> None:
    written: list[bytes] = []
    container = Container(Header(format=format_, sample_rate_hz=24_000), written.append)
    container.take(tone(1, 24_000))
    assert heard_by_av(b"".join(written)).seconds > 0.8


@pytest.mark.parametrize("format_", ["mp3", "opus", "flac"])
def test_a_title_is_the_files_title(format_: EncodedFormat) -> None:
    file = encode(Header(format=format_, sample_rate_hz=24_000, title="夜船 & ferry"), tone(0.5, 24_000))
    assert tags_by_av(file)["title"] == "夜船 & ferry"


def test_a_bitrate_that_is_asked_for_is_kept_to() -> None:
    sizes = [
        len(encode(Header(format="mp3", sample_rate_hz=24_000, bitrate_bps=bitrate), tone(2, 24_000)))
        for bitrate in (32_000, 64_000)
    ]
    assert sizes[1] == pytest.approx(2 * sizes[0], rel=0.02)
    assert sizes[0] == pytest.approx(2 * 32_000 / 8, rel=0.1)


@pytest.mark.parametrize("format_", FORMATS)
def test_no_samples_are_no_file(format_: EncodedFormat) -> None:
    with pytest.raises(EncodingError, match="no samples came"):
        encode(Header(format=format_, sample_rate_hz=24_000))


def test_half_a_sample_at_the_end_is_an_error() -> None:
    with pytest.raises(EncodingError, match="in the middle of one"):
        encode(Header(format="mp3", sample_rate_hz=24_000), tone(0.1, 24_000)[:-1])


@pytest.mark.parametrize("announced", [4_799, 4_801])
def test_another_length_than_the_announced_one_is_an_error(announced: int) -> None:
    with pytest.raises(EncodingError, match=f"4800 samples came, {announced} were announced"):
        encode(Header(format="flac", sample_rate_hz=24_000, samples=announced), tone(0.2, 24_000))
