import pytest

from tts_core.errors import SettingError
from tts_core.manner import SAMPLE_RATES_HZ, Manner


@pytest.mark.parametrize("rate_hz", SAMPLE_RATES_HZ)
def test_the_model_speaks_at_its_two_rates(rate_hz: int) -> None:
    assert Manner(sample_rate_hz=rate_hz).sample_rate_hz == rate_hz


@pytest.mark.parametrize("rate_hz", [0, 16_000, 24_001, 44_100, 48_000])
def test_another_rate_is_refused_with_those_there_are(rate_hz: int) -> None:
    with pytest.raises(SettingError, match=f"{rate_hz}.*24000 and 32000"):
        Manner(sample_rate_hz=rate_hz)


def test_what_the_reference_lets_happen_is_off() -> None:
    plain = Manner()
    assert plain.cap_fails
    assert plain.only_audio
    assert plain.most_tokens is None
