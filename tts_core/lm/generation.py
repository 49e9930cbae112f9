"""Speech tokens of one segment, drawn one after another: the language model's main path."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from tts_core.errors import CapReached, CheckpointError, SettingError, TextError
from tts_core.lm.cache import KvCache
from tts_core.lm.exact import ExactSteps
from tts_core.lm.llama import Llama
from tts_core.lm.rows import AllRows, AudioIds, AudioRows, Rows
from tts_core.lm.sampling import NO_NUMBERS, Sampler
from tts_core.lm.steps import CachedSteps, RepeatedSteps, Steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What was said before, and how it sounded.

    Attributes:
        text: Ids of the text.
        speech: Its speech tokens, raw: 0 is the first audio id.
    """

    text: tuple[int, ...]
    speech: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many speech tokens a segment may have.

    Attributes:
        least: The end cannot be drawn before.
        most: Where a segment that has not ended is cut, or given up.
    """

    least: int
    most: int

    @classmethod
    def of(cls, text_tokens: int) -> "Limits":
        """Return upstream's: 2 and 20 for each text token; at 25 a second 0.08 and 0.8 s."""
        return cls(least=2 * text_tokens, most=20 * text_tokens)


def positions(prompt: Prompt, text_ids: Sequence[int]) -> int:
    """Return how many positions of a cache a segment may take: its whole prompt and the most it may say."""
    return len(prompt.text) + len(text_ids) + 1 + len(prompt.speech) + Limits.of(len(text_ids)).most


def prompt_ids(prompt: Prompt, text_ids: Sequence[int], ids: AudioIds) -> list[int]:
    """Return what the model is given: both texts, the mark, the prompt's speech; no other mark."""
    return [*prompt.text, *text_ids, ids.begin, *(ids.first + one for one in prompt.speech)]


def prepare(llama: Llama, cache: KvCache, ids: AudioIds) -> None:
    """Do now what the first segment over a cache would do before its first token: on CUDA, capture the steps.

    Raises:
        CheckpointError: If the ids are not of this model.
    """
    CachedSteps(llama, cache, AudioRows(vocabulary=llama.config.vocab_size, ids=ids))


@torch.inference_mode()
def generate(  # noqa: PLR0913 -- a model, a past, a text and chance: no two of them belong together
    llama: Llama,
    cache: KvCache | None,
    ids: AudioIds,
    prompt: Prompt,
    text_ids: Sequence[int],
    *,
    sampler: Sampler,
    generator: Generator,
    only_audio: bool = True,
    cap_ends: bool = False,
) -> Iterator[int]:
    """Speak one segment.

    What the cache held is forgotten first, so that nothing of a segment that failed, or was not
    read to its end, is left.

    Args:
        llama: The model.
        cache: Of `positions(prompt, text_ids)` at least; None = compute everything again for each
            token: the same tokens, in less memory and more time.
        ids: The special ids.
        prompt: The voice, or the history.
        text_ids: Of the segment alone.
        sampler: Draws each token.
        generator: On the model's device; of this segment alone.
        only_audio: Whether nothing but audio ids and the end can be drawn. Without it, as upstream
            has it, any id can: a text id comes out as a negative token, or one that is too large. Then
            scores are upstream's to the last bit too, where a cache is given; what is in it is not used.
        cap_ends: Whether a segment may end at its most tokens, as upstream's do.

    Yields:
        Raw speech tokens, from 0 on, each as it is drawn.

    Raises:
        CapReached: If the model has not come to an end by then.
        SettingError: If the segment does not fit into the cache; before the first token.
        TextError: If there is no text.
        CheckpointError: If the ids do not fit the model, or its scores are no numbers.
    """
    rows = _rows(llama, ids, only_audio=only_audio)
    _refuse_misfits(llama, cache, prompt, text_ids, ids)
    steps = _steps(llama, cache, rows)
    limits = Limits.of(len(text_ids))
    scores = _numbers(steps.begin(prompt_ids(prompt, text_ids, ids)))
    emitted: list[int] = []
    while len(emitted) < limits.most:
        if emitted:
            scores = steps.step(emitted[-1])
        found = sampler(scores, rows, emitted, generator, end_allowed=len(emitted) >= limits.least)
        if found == ids.end:
            return
        emitted.append(found)
        yield found - ids.first
    if not cap_ends:
        raise CapReached(
            f"{limits.most} speech tokens for {len(text_ids)} text tokens, and no end: the most that such a"
            " text may take; another seed, or a shorter text, may come to one"
        )


def _rows(llama: Llama, ids: AudioIds, *, only_audio: bool) -> Rows:
    audio = AudioRows(vocabulary=llama.config.vocab_size, ids=ids)
    return audio if only_audio else AllRows(vocabulary=audio.vocabulary, end=ids.end)


def _steps(llama: Llama, cache: KvCache | None, rows: Rows) -> Steps:
    if cache is None:
        return RepeatedSteps(llama, rows)
    # All rows are drawn from for the sake of a comparison alone.
    return ExactSteps(llama, rows) if isinstance(rows, AllRows) else CachedSteps(llama, cache, rows)


def _refuse_misfits(
    llama: Llama, cache: KvCache | None, prompt: Prompt, text_ids: Sequence[int], ids: AudioIds
) -> None:
    if not text_ids:
        raise TextError("there is no text to speak: not one token")
    # On a card an id outside the embedding is an assert that only a new process gets over.
    vocabulary = llama.config.vocab_size
    strange = [one for one in (*prompt.text, *text_ids) if not 0 <= one < vocabulary]
    strange += [one for one in prompt.speech if not 0 <= one < ids.count]
    if strange:
        raise CheckpointError(
            f"ids {strange[:8]} are outside the model's {vocabulary} ids and {ids.count} speech tokens: the"
            " tokenizer, the voice or the history is of another release"
        )
    needed = positions(prompt, text_ids)
    if cache is not None and needed > cache.capacity_tokens:
        raise SettingError(
            f"a segment of {len(text_ids)} text tokens after a prompt of {len(prompt.text)} and"
            f" {len(prompt.speech)} may take {needed} positions, and the key-value cache has room for"
            f" {cache.capacity_tokens}: cut the text shorter, or give it more room"
        )


def _numbers(scores: Tensor) -> Tensor:
    if not bool(scores.isfinite().all()):
        raise CheckpointError(NO_NUMBERS)
    return scores
