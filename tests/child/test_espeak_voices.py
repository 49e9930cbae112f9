"""The book of voices: names, and who reads what."""

import pytest

from child.engine import SettingsError, VoiceNotFound
from child.espeak_library import Library
from child.espeak_voices import DEFAULT_VOICES, VoiceBook, scripts_of
from supervisor.wire.messages import Setting


@pytest.fixture(scope="module")
def book() -> VoiceBook:
    library = Library()
    return VoiceBook(library.voice_files(), library.data_path)


def readers(book: VoiceBook, text: str, voice: str | None = None, **table: Setting) -> list[tuple[str, str]]:
    cast = book.cast(table, voice)
    neutral = cast["latin"] if voice is None else book.find(voice)
    passages = book.passages(text, cast, neutral)
    return [(passage.identifier.rpartition("/")[2], passage.text) for passage in passages]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("en-us", "en-us"),
        ("EN-US", "en-us"),
        ("English (America)", "en-us"),
        ("gmw/en-US", "en-us"),
        ("en-gb", "en"),
        ("zh", "cmn"),
        ("en-us+f3", "en-us+f3"),
    ],
)
def test_a_voice_is_found_by_all_its_names(book: VoiceBook, name: str, found: str) -> None:
    assert book.find(name) == found


@pytest.mark.parametrize("name", ["", "elvish", "en-us+nobody", "+f3", "../lang/gmw/en-US"])
def test_an_unknown_voice_is_named_with_the_way_to_list_them(book: VoiceBook, name: str) -> None:
    with pytest.raises(VoiceNotFound, match=r"tts-supervisor voices") as caught:
        book.find(name)
    assert repr(name) in str(caught.value)


def test_voices_without_their_dictionary_are_not_offered(book: VoiceBook) -> None:
    assert not {"fo", "kaa", "xex"} & book.files.keys()
    assert len(book.files) > 130


def test_every_default_voice_reads_its_script(book: VoiceBook) -> None:
    for script, name in DEFAULT_VOICES.items():
        assert script in scripts_of(book.find(name)), script


def test_chinese_is_never_read_by_an_english_voice(book: VoiceBook) -> None:
    assert readers(book, "He said 你好.", voice="en-gb-x-rp") == [
        ("en-GB-x-rp", "He said "),
        ("cmn", "你好."),
    ]


def test_the_asked_voice_reads_the_scripts_it_can_and_the_rest_go_by_the_map(book: VoiceBook) -> None:
    assert readers(book, "你好 hello привет", voice="yue", voice_cyrillic="uk", voice_latin="de") == [
        ("yue", "你好 "),
        ("de", "hello "),
        ("uk", "привет"),
    ]


def test_japanese_reads_kana_and_leaves_to_chinese_what_it_cannot_read(book: VoiceBook) -> None:
    assert readers(book, "日本語です", voice="ja") == [("cmn", "日本語"), ("ja", "です")]


def test_digits_alone_are_read_by_the_asked_voice(book: VoiceBook) -> None:
    assert readers(book, "1234", voice="fr") == [("fr", "1234")]


def test_neighbours_with_the_same_voice_are_one_passage(book: VoiceBook) -> None:
    assert readers(book, "dobro добро", voice="sr") == [("sr", "dobro добро")]


def test_a_setting_that_names_no_voice_is_refused_by_its_key(book: VoiceBook) -> None:
    with pytest.raises(SettingsError, match=r"engine\.espeak\.voice_\w+: .*tts-supervisor voices"):
        book.cast({"voice_han": "chinesisch"}, None)
    with pytest.raises(SettingsError, match=r"voice_han"):
        book.cast({"voice_han": 3}, None)
