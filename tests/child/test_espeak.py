"""The espeak engine: plain text in, the same bytes whatever it spoke before."""

import random

import numpy as np
import numpy.typing as npt
import pytest

from child.checks import Meter, judge
from child.engine import BadInput, EngineError, SettingsError, Utterance
from child.espeak import EspeakEngine
from supervisor.wire.messages import Setting


@pytest.fixture(scope="module")
def engine() -> EspeakEngine:
    engine = EspeakEngine()
    engine.load({}, device="cpu", voice=None)
    return engine


def speak(
    engine: EspeakEngine, text: str, voice: str | None = None, **table: Setting
) -> npt.NDArray[np.float32]:
    spoken = Utterance(text=text, voice=voice, reference=None, seed=0, settings=table)
    return np.concatenate([piece.samples for piece in engine.synthesize(spoken)])


def seconds(engine: EspeakEngine, text: str, voice: str | None = None, **table: Setting) -> float:
    return speak(engine, text, voice, **table).size / 22050


@pytest.mark.parametrize("text", ["Hello, world.", "我们今天去北京。", "He said 你好 in 2024年."])
def test_the_same_text_gives_the_same_bytes_after_any_history(engine: EspeakEngine, text: str) -> None:
    chance = random.Random(text)
    fresh = speak(engine, text).tobytes()
    for _ in range(10):
        speak(engine, chance.choice(["x", "a longer one, with a comma", "好。", "123"]))
        assert speak(engine, text).tobytes() == fresh


def test_another_process_gives_the_same_bytes(engine: EspeakEngine) -> None:
    other = EspeakEngine()
    other.load({}, device="cpu", voice="de")
    assert speak(other, "Hello, world.").tobytes() == speak(engine, "Hello, world.").tobytes()


def test_chinese_is_not_spelled_out(engine: EspeakEngine) -> None:
    # "Chinese letter" eight times takes over 5 s; the words themselves take 2.
    assert seconds(engine, "今天天气非常好啊", voice="en-us") < 3


@pytest.mark.parametrize(
    "text", ["<b>bold</b>", "[[h@loU]]", "<voice name='de'>x</voice>", "a &amp; b", "a &lt b"]
)
def test_markup_and_phonemes_are_plain_text(engine: EspeakEngine, text: str) -> None:
    # As markup they would vanish: the words alone are far shorter than the marks read out.
    silent = "".join(char if char.isalpha() else " " for char in text)
    assert seconds(engine, text) >= 0.8 * seconds(engine, silent)


def test_a_nul_does_not_end_the_text(engine: EspeakEngine) -> None:
    assert speak(engine, "one\0two three").tobytes() == speak(engine, "one two three").tobytes()


def test_a_pause_stands_between_runs_only_where_a_mark_asks_for_it(engine: EspeakEngine) -> None:
    assert seconds(engine, "你好。Hello") > seconds(engine, "你好Hello") + 0.2


def test_runs_join_without_a_gap(engine: EspeakEngine) -> None:
    joined = speak(engine, "Hello你好")
    assert joined.size <= speak(engine, "Hello").size + speak(engine, "你好").size + 22050 // 50


@pytest.mark.parametrize(
    "text", ["①②", "ＡＢＣ", "१२३", "x²", "Ⅷ", "ສະບາຍດີ", f"好{'³' * 20}好", f"{'⁴' * 20}1", "₂" * 20]
)
def test_odd_letters_and_digits_are_heard(engine: EspeakEngine, text: str) -> None:
    meter = Meter(22050)
    meter.add(speak(engine, text))
    assert judge(text, meter.measured(), None)[1] is None


@pytest.mark.parametrize(
    "symbol", [*"℃％×￥℉°＋÷＝¥＄／＠＃＆№→←‰≥∞", "㎏", "½", "²", "€", "©", "≠", "√", "§"]
)
def test_a_symbol_between_chinese_is_heard(engine: EspeakEngine, symbol: str) -> None:
    silent = {speak(engine, f"今天是38{gap}左右。").tobytes() for gap in ("", " ")}
    assert speak(engine, f"今天是38{symbol}左右。").tobytes() not in silent


@pytest.mark.parametrize("symbol", [*"℃✓^٪％㎏Ⅳ①½²€₹≤≈→§©™"])
@pytest.mark.parametrize("frame", ["He {} left.", "Он {} здесь.", "これ{}です"])
def test_a_symbol_between_other_words_is_heard(engine: EspeakEngine, symbol: str, frame: str) -> None:
    silent = {speak(engine, frame.format(gap)).tobytes() for gap in ("", " ")}
    assert speak(engine, frame.format(symbol)).tobytes() not in silent


def test_words_for_symbols_are_those_of_who_reads_them(engine: EspeakEngine) -> None:
    assert np.array_equal(speak(engine, "38℃"), speak(engine, "38 degrees Celsius"))
    assert np.array_equal(speak(engine, "38℃", voice="cmn"), speak(engine, "38摄氏度", voice="cmn"))
    assert np.array_equal(speak(engine, "增长50％。"), speak(engine, "增长百分之50。"))


@pytest.mark.parametrize("voice", [None, "de", "cmn"])
@pytest.mark.parametrize("text", ["℃", "100％", "₹", "→", "½"])
def test_a_text_of_symbols_alone_is_heard(engine: EspeakEngine, text: str, voice: str | None) -> None:
    assert speak(engine, text, voice).size > 22050 // 10


@pytest.mark.parametrize(
    ("text", "words"), [("ʻ", "no voice of eSpeak has a sound"), ("a\ud800", "surrogate")]
)
def test_what_no_voice_can_say_is_bad_input(engine: EspeakEngine, text: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        speak(engine, text)


def test_rate_and_pitch_are_heard(engine: EspeakEngine) -> None:
    text = "The quick brown fox jumps over the dog."
    assert seconds(engine, text, rate_wpm=350) < 0.7 * seconds(engine, text)
    assert speak(engine, text, pitch=90).tobytes() != speak(engine, text).tobytes()


@pytest.mark.parametrize(
    "table", [{"voice_hann": "cmn"}, {"rate_wpm": 10}, {"pitch": "high"}, {"voice_han": 1}]
)
def test_a_setting_that_is_unknown_or_impossible_is_named(table: dict[str, Setting]) -> None:
    with pytest.raises(SettingsError, match=rf"engine\.espeak\.{next(iter(table))}"):
        EspeakEngine().load(table, device="cpu", voice=None)


def test_it_does_not_speak_before_it_is_loaded() -> None:
    with pytest.raises(EngineError, match="before it was loaded"):
        speak(EspeakEngine(), "x")


def test_the_samples_are_espeaks_own(engine: EspeakEngine) -> None:
    samples = speak(engine, "Hello.") * 32768
    assert np.array_equal(samples, np.rint(samples))
