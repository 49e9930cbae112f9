"""One item spoken exactly as the model's own batch script does, and every stage written down.

Its splitting, its two normalisations, its history and its seeding, in float32, whatever better the engine
does by default: this is what a reference result is compared with.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from tts_core.audio.recording import read_recording
from tts_core.checkpoint import Checkpoint
from tts_core.errors import CheckpointError, SettingError, TextError
from tts_core.lm.history import History
from tts_core.manner import Manner
from tts_core.parts import Parts, Tables
from tts_core.synthesizer import Cut, Synthesizer
from tts_core.text.splitting import split_as_upstream
from tts_core.voice.making import make_voice
from tts_core.voice.voice import Voice

#: What torch's generators can be seeded with; of negative ones it makes their complement.
_SEEDS = (-(2**63), 2**64 - 1)


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """An item file: a JSON object.

    Attributes:
        seed: Of every segment.
        prompt_text: What is said in the reference recording.
        text: To speak.
    """

    prompt_text: str
    text: str
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to dump.

    Attributes:
        checkpoint: The folder.
        item: The item's file.
        reference: The recording.
        sample_rate_hz: 24000 or 32000.
        phonemes: Whether the phoneme mode is on.
        configs: The model's pronunciation tables; None = there are none.
        cache: Where grammars are kept.
        out: A safetensors file.
    """

    checkpoint: Path
    item: Path
    reference: Path
    sample_rate_hz: int
    phonemes: bool
    configs: Path | None
    cache: Path
    out: Path


def dump(order: Order) -> dict[str, Tensor]:
    """Speak the item and write what came out of each stage.

    Without a vocoder of that rate in the checkpoint there is no `wav`; all else is there.

    Returns:
        prompt_text and prompt_speech int32 [1, N], prompt_feat float32 [1, T, 80], embedding float32
        [1, 192], tokens int64 [N] of all segments, mel float32 [1, 80, T], wav float32 [1, N].

    Raises:
        TtsError: Of any kind.
    """
    _refuse_place(order.out)
    item = read_item(order.item)
    manner = Manner(
        sample_rate_hz=order.sample_rate_hz,
        kv_cache=True,
        phonemes=order.phonemes,
        cap_fails=False,
        only_audio=False,
    )
    checkpoint = Checkpoint(order.checkpoint)
    tables = Tables(configs=order.configs, lexicon=None, cache=order.cache, only_known=False)
    # First the voice: its tokenizer and the language model need not lie side by side. No text at all is a
    # full stop to the reference, which normalises it; a voice of ours without one has no prompt of text.
    recording = read_recording(order.reference, strict=False)
    voice = make_voice(recording, item.prompt_text or " ", order.checkpoint, device=torch.device("cpu"))
    synthesizer = Synthesizer(Parts(checkpoint, tables, "fp32"))
    found = {
        "prompt_text": torch.tensor([synthesizer.parts.prompt_of(voice).text], dtype=torch.int32),
        "prompt_speech": voice.speech,
        "prompt_feat": voice.mels[manner.sample_rate_hz],
        "embedding": voice.embedding,
        **_spoken(synthesizer, voice, item, manner, vocoder=_has_vocoder(checkpoint, manner)),
    }
    found = {name: tensor.contiguous() for name, tensor in found.items()}
    try:
        save_file(found, order.out)
    except (OSError, SafetensorError) as error:
        raise SettingError(f"{order.out}: cannot be written ({error})") from None
    return found


def read_item(path: Path) -> Item:
    """Read an item file.

    Raises:
        SettingError: If it cannot be read, or is no item.
    """
    try:
        item = msgspec.json.decode(path.read_bytes(), type=Item)
    except OSError as error:
        raise SettingError(f"{path}: cannot be read ({error.strerror})") from None
    except msgspec.DecodeError as error:
        mend = 'write {"seed": 0, "prompt_text": "…", "text": "…"}'
        raise SettingError(f"{path}: is no item ({error}); {mend}") from None
    if not _SEEDS[0] <= item.seed <= _SEEDS[1]:
        raise SettingError(f"{path}: seed {item.seed} is none that torch takes: {_SEEDS[0]} to {_SEEDS[1]}")
    return item


def cuts_as_upstream(synthesizer: Synthesizer, text: str, *, phonemes: bool) -> Iterator[Cut]:
    """Yield what the model's own script would speak at once: normalised, split, normalised again."""
    parts = synthesizer.parts
    spell = parts.phonemes(wanted=phonemes)
    for segment in split_as_upstream(parts.front.normalise(text)):
        heard = spell(parts.front.normalise(segment))
        yield Cut(text=heard, ids=tuple(parts.tokenizer.encode(heard)))


@torch.inference_mode()
def _spoken(
    synthesizer: Synthesizer, voice: Voice, item: Item, manner: Manner, *, vocoder: bool
) -> dict[str, Tensor]:
    tokens: list[int] = []
    mels: list[Tensor] = []
    waves: list[Tensor] = []
    past = History()
    for each in cuts_as_upstream(synthesizer, item.text, phonemes=manner.phonemes):
        chance = torch.Generator().manual_seed(item.seed)
        drawn = tuple(synthesizer.tokens(each, voice, past, manner, chance))
        if drawn and min(drawn) < 0:
            raise TextError(f"the model drew an id of text within {each.text!r}: its own script dies of that")
        past = past.after(synthesizer.parts.prompt_of(voice), each.ids, drawn)
        tokens += drawn
        mels.append(synthesizer.mel(list(drawn), voice, manner, chance))
        if vocoder:
            maker = synthesizer.parts.vocoder(manner.sample_rate_hz)
            waves.append(maker.wave(mels[-1], generator=chance))
    found = {"tokens": torch.tensor(tokens, dtype=torch.int64), "mel": torch.cat(mels, dim=2)}
    return found | ({"wav": torch.cat(waves, dim=1)} if waves else {})


def _refuse_place(out: Path) -> None:
    """Refuse at once what would only be seen when all is computed."""
    if out.is_dir() or not out.parent.is_dir():
        raise SettingError(f"{out}: cannot be written: name a file in a folder that is there")


def _has_vocoder(checkpoint: Checkpoint, manner: Manner) -> bool:
    try:
        path = {24_000: checkpoint.hift, 32_000: checkpoint.vocos}[manner.sample_rate_hz]
    except KeyError:
        raise CheckpointError(f"{manner.sample_rate_hz} Hz: there is no such vocoder") from None
    return path.exists()
