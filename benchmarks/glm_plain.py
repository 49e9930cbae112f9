"""The plain way: transformers' `LlamaForCausalLM` in the loop that the model's own script runs it in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import transformers
from torch import Generator, Tensor

from tts_core.audio.standard import resample
from tts_core.lm.generation import Limits, Prompt, prompt_ids
from tts_core.lm.llama import Llama
from tts_core.lm.rows import AllRows, AudioIds
from tts_core.lm.sampling import Ras


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one segment is made of.

    Attributes:
        ids: The special ones.
        prompt: The voice.
        text: Ids of the segment.
    """

    ids: AudioIds
    prompt: Prompt
    text: Sequence[int]


def same_in_transformers(llama: Llama) -> "transformers.LlamaForCausalLM":
    """Return transformers' model over the very same tensors."""
    # transformers imports torchaudio where it finds one, which beside a CPU build of torch takes this door.
    resample(torch.zeros(1, 16), 16_000, 8_000)
    config = llama.config
    with torch.device("meta"):
        plain = transformers.LlamaForCausalLM(
            transformers.LlamaConfig(
                vocab_size=config.vocab_size,
                hidden_size=config.hidden_size,
                intermediate_size=config.intermediate_size,
                num_hidden_layers=config.num_hidden_layers,
                num_attention_heads=config.num_attention_heads,
                num_key_value_heads=config.num_key_value_heads,
                head_dim=config.head_dim,
                rms_norm_eps=config.rms_norm_eps,
                max_position_embeddings=8192,
                tie_word_embeddings=False,  # said below: the head is the embedding's own tensor
            )
        )
    state = {**llama.state_dict(), "lm_head.weight": llama.head}
    plain.load_state_dict(state, assign=True)
    # What is no weight was made on `meta` too: the angles.
    plain.model.rotary_emb = type(plain.model.rotary_emb)(plain.config).to(llama.device)
    return plain.eval()


@torch.inference_mode()
def plain_loop(
    model: "transformers.LlamaForCausalLM", asked: Asked, chance: Generator, *, lean: bool
) -> Iterator[int]:
    """Speak as the model's own script does: scores of all positions, all hidden states, a growing cache.

    Args:
        model: On the device of `chance`.
        asked: The segment.
        chance: Of this segment alone.
        lean: Whether what costs most is left out, and our sampler draws: what is left is the model's time.

    Yields:
        Raw speech tokens, each as it is drawn.
    """
    ids, emitted = asked.ids, list[int]()
    rows = AllRows(vocabulary=model.config.vocab_size, end=ids.end)
    limits = Limits.of(len(asked.text))
    given = torch.tensor([prompt_ids(asked.prompt, asked.text, ids)], device=model.device)
    past = None
    while len(emitted) < limits.most:
        wanted = {"logits_to_keep": 1} if lean else {"output_hidden_states": True}
        found = model(input_ids=given, past_key_values=past, use_cache=True, **wanted)
        past, scores = found.past_key_values, found.logits[0, -1].float()
        allowed = len(emitted) >= limits.least
        if lean:
            drawn = Ras()(scores, rows, emitted, chance, end_allowed=allowed)
        else:
            drawn = entry_by_entry(scores.log_softmax(-1), ids.end, emitted, chance, end_allowed=allowed)
        if drawn == ids.end:
            return
        emitted.append(drawn)
        yield drawn - ids.first
        given = torch.tensor([[drawn]], device=model.device)


def entry_by_entry(
    scores: Tensor, end: int, emitted: Sequence[int], chance: Generator, *, end_allowed: bool
) -> int:
    """Draw by repetition-aware sampling the plain way: everything sorted, the nucleus in a Python loop."""
    if not end_allowed:
        scores[end] = -torch.inf
    values, places = scores.softmax(0).sort(descending=True, stable=True)
    kept, total = 0, torch.zeros((), device=scores.device)
    while kept < Ras().top_k and bool(total < Ras().top_p):
        total = total + values[kept]
        kept += 1
    drawn = places[values[:kept].multinomial(1, replacement=True, generator=chance)]
    if emitted and bool((torch.tensor(emitted[-10:], device=scores.device) == drawn).any()):
        drawn = scores.softmax(0).multinomial(1, replacement=True, generator=chance)
    return int(drawn)
