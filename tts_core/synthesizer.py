"""Text to samples: the one place that knows every stage.

    text ─ normalise ─ cut ─▶ ids ─ lm ─▶ speech tokens ─ flow ─▶ mel ─ vocoder ─▶ samples
                               ▲            ▲               ▲
                             past         voice: its text, speech tokens, mel and embedding

A cut is spoken whole by the language model and the flow, and leaves the vocoder in pieces as it is
made. Each cut has a generator of its own, seeded anew: what a text sounds like depends on it, the voice,
the seed and the manner, never on what was spoken before, save for what `past` carries on purpose.
"""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from tts_core.failing import telling_memory
from tts_core.lm.generation import generate, positions
from tts_core.lm.history import History
from tts_core.lm.sampling import Ras
from tts_core.manner import Manner
from tts_core.parts import Parts
from tts_core.text.cutting import cut
from tts_core.voice.voice import Voice

#: Every so many tokens, a second of speech, there is a sign of life: an empty piece.
_SIGN_TOKENS = 25

#: A cut of at least so many characters keeps keys and values where the manner leaves it open.
CACHED_FROM_CHARS = 4


_NOTHING = torch.zeros(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some of an utterance's audio.

    Attributes:
        samples: float32 [N] on the CPU, full scale = 1.0; empty for a sign of life.
        sample_rate_hz: Of them.
    """

    samples: Tensor
    sample_rate_hz: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A piece of text that is spoken at once.

    Attributes:
        text: As the language model hears it: normalised, with phonemes where they are wanted.
        ids: Of that text.
    """

    text: str
    ids: tuple[int, ...]


class Synthesizer:
    """Speaks. Calls come one at a time.

    Attributes:
        parts: The stages, loaded.
        past: What the last utterance left, if it carried a past and was spoken whole.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.past = History()

    def speak(
        self, text: str, voice: Voice, *, seed: int, manner: Manner, past: History | None = None
    ) -> Generator[Piece]:
        """Yield the audio of a text as it is made.

        Args:
            text: Any text; cut where it is longer than the model likes.
            voice: Whose voice.
            seed: Of the chance that the model needs, 0 to 2**63 - 1.
            manner: How.
            past: What the utterance before left, to go on from: empty for the first of a chapter. None =
                cuts do not hear of one another.

        Raises:
            TextError: If there is nothing in the text that could be spoken.
            CapReached: If the language model did not come to an end.
            OutOfMemory: If an allocator said no; nothing of the utterance is held then.
        """
        self.past = History()  # what fails leaves none
        with telling_memory(self.parts.device, text):
            cuts = self.cuts(text, phonemes=manner.phonemes)
            yield from self.speak_cuts(cuts, voice, seed=seed, manner=manner, past=past)

    def speak_cuts(
        self, cuts: Iterable[Cut], voice: Voice, *, seed: int, manner: Manner, past: History | None = None
    ) -> Generator[Piece]:
        """Yield the audio of what is cut already; as `speak`, which does it with an eye on memory."""
        self.past = History()
        prompt_of = self.parts.prompt_of
        for each in cuts:
            chance = torch.Generator(self.parts.device).manual_seed(seed)
            tokens: list[int] = []
            for token in self.tokens(each, voice, past or History(), manner, chance):
                tokens.append(token)
                if len(tokens) % _SIGN_TOKENS == 0:
                    yield Piece(samples=_NOTHING, sample_rate_hz=manner.sample_rate_hz)
            past = None if past is None else past.after(prompt_of(voice), each.ids, tuple(tokens))
            yield from self._samples(self.mel(tokens, voice, manner, chance), manner, chance)
        self.past = past or History()

    # ------------------------------------------------------------------ the stages, one by one

    def cuts(self, text: str, *, phonemes: bool) -> list[Cut]:
        """Return what is spoken at once, in order, in the form that the language model hears."""
        normalise, spell = self.parts.front.normalise_safely, self.parts.phonemes(wanted=phonemes)
        heard = [spell(normalise(piece)) for piece in cut(normalise(text))]
        return [Cut(text=piece, ids=tuple(self.parts.tokenizer.encode(piece))) for piece in heard]

    def tokens(
        self, each: Cut, voice: Voice, past: History, manner: Manner, chance: torch.Generator
    ) -> Iterator[int]:
        """Have the language model speak one cut; yields speech tokens, from 0, as they are drawn."""
        prompt = past.prompt(self.parts.prompt_of(voice), len(each.ids))
        cached = manner.kv_cache if manner.kv_cache != "auto" else len(each.text) >= CACHED_FROM_CHARS
        spoken = generate(
            self.parts.lm,
            self.parts.cache(positions(prompt, each.ids)) if cached else None,
            self.parts.audio_ids,
            prompt,
            each.ids,
            sampler=Ras(),
            generator=chance,
            only_audio=manner.only_audio,
            cap_ends=not manner.cap_fails,
        )
        return islice(spoken, manner.most_tokens)

    def mel(self, tokens: list[int], voice: Voice, manner: Manner, chance: torch.Generator) -> Tensor:
        """Make the mel of one cut: float32 [1, 80, T]."""
        return self.parts.flow.mel(
            torch.tensor(tokens, dtype=torch.int64),
            prompt_tokens=voice.speech[0].to(torch.int64),
            prompt_mel=voice.mels[manner.sample_rate_hz],
            embedding=voice.embedding,
            generator=chance,
        )

    def _samples(self, mel: Tensor, manner: Manner, chance: torch.Generator) -> Iterator[Piece]:
        vocoder = self.parts.vocoder(manner.sample_rate_hz)
        for samples in vocoder.pieces(mel, generator=chance):
            yield Piece(samples=samples.float().cpu(), sample_rate_hz=manner.sample_rate_hz)
