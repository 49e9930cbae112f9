"""How an utterance is spoken: what may differ from one to the next without anything being loaded anew."""

from dataclasses import dataclass
from typing import Literal

from tts_core.errors import SettingError

#: What the model has a vocoder for.
SAMPLE_RATES_HZ = (24_000, 32_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How an utterance is spoken.

    Attributes:
        sample_rate_hz: 24000 or 32000.
        kv_cache: Whether keys and values of the past are kept, or computed again at every step: less
            memory, more time, the same tokens. "auto" decides by the length of the text alone.
        phonemes: Whether characters that need help are replaced by phonemes, with the model's tables.
        cap_fails: Whether a cut that does not come to an end is an error, or ends where it must.
        most_tokens: Where a cut ends however little of it is said, 25 a second: for a trial. None = where it
            ends by itself.
        only_audio: Whether ids of text cannot be drawn; the reference lets them, and dies of them.

    Raises:
        SettingError: If the rate is another.
    """

    sample_rate_hz: int = 24_000
    kv_cache: bool | Literal["auto"] = "auto"
    phonemes: bool = False
    cap_fails: bool = True
    most_tokens: int | None = None
    only_audio: bool = True

    def __post_init__(self) -> None:
        if self.sample_rate_hz not in SAMPLE_RATES_HZ:
            rates = " and ".join(map(str, SAMPLE_RATES_HZ))
            raise SettingError(f"sample_rate {self.sample_rate_hz}: the model speaks at {rates} Hz alone")
