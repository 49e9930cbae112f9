"""A stand-in for a checkout of GLM-TTS: its functions, arguments, attributes and habits, next to no model.

Written for the tests from what is known of the original's outside. It finds its files from the working
folder, chooses its device when it is imported, prints, seeds everything before each short text, and
has the original's faults: nothing keeps its LM from ids that are no speech, and a second rate fails.
"""

import logging
import sys
from pathlib import Path

import torch
from flow.flow import Token2Wav
from frontend_utils import TextFrontEnd
from llm.glmtts import GLMTTS
from utils.audio import SpeechTokenizer, TTSFrontEnd
from utils.seed_util import set_seed

LOG = logging.getLogger("glmtts")
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
MAX_LLM_SEQ_INP_LEN = 750

Cache = dict[str, list[str] | list[torch.Tensor] | list[list[int]] | bool]
Models = tuple[TTSFrontEnd, TextFrontEnd, SpeechTokenizer, GLMTTS, Token2Wav]


def load_models(use_phoneme: bool = False, sample_rate: int = 24000) -> Models:
    sys.stdout.write("Loading models from ckpt ...\n")
    LOG.info("sample rate %d", sample_rate)
    if Path("as_it_stands").exists():  # the original calls .cuda() whatever DEVICE is
        torch.zeros(1).cuda()
    speech_tokenizer = SpeechTokenizer("ckpt/speech_tokenizer/model.pt")
    frontend = TTSFrontEnd(speech_tokenizer, "frontend/campplus.onnx", DEVICE)
    text_frontend = TextFrontEnd(use_phoneme)
    llm = GLMTTS("ckpt/llm/model.pt").to(DEVICE)
    flow = Token2Wav("ckpt/flow/flow.pt", sample_rate)
    return frontend, text_frontend, speech_tokenizer, llm, flow


def generate_long(  # noqa: PLR0913, PLR0917 -- as many as the original has
    frontend: TTSFrontEnd,
    text_frontend: TextFrontEnd,
    llm: GLMTTS,
    flow: Token2Wav,
    text_info: list[str],
    cache: dict[str, object],
    device: torch.device,
    embedding: torch.Tensor,
    seed: int = 0,
    sample_method: str = "ras",
    flow_prompt_token: torch.Tensor | None = None,
    speech_feat: torch.Tensor | None = None,
    use_phoneme: bool = False,
) -> tuple[torch.Tensor, torch.Tensor, list[int], dict[str, object]]:
    assert flow_prompt_token is not None
    assert flow_prompt_token.dtype == torch.int32
    assert speech_feat is not None
    texts, text_tokens, speech_tokens = cached(cache)
    waves: list[torch.Tensor] = []
    mels: list[torch.Tensor] = []
    spoken: list[int] = []
    normalised: list[str] = []
    for short in text_frontend.split_by_len(text_info[1]):
        set_seed(seed)
        text = text_frontend.text_normalize(short)
        normalised.append(text)
        ids = frontend._extract_text_token(text_frontend.g2p_infer(text) if use_phoneme else text)
        prompt_text, prompt_speech = text_tokens[0], speech_tokens[0]
        if cache["use_cache"] and len(text_tokens) > 1:
            prompt_text, prompt_speech = with_history(text_tokens, speech_tokens, ids.shape[1])
        sys.stdout.write(f"{len(text_tokens)} items before {text}\n")
        tokens = llm.inference(prompt_text, prompt_speech, ids, sample_method, text)
        wave, mel = flow.token2wav(tokens, flow_prompt_token, speech_feat, embedding.to(device))
        texts.append(text)
        text_tokens.append(ids)
        speech_tokens.append(tokens)
        waves.append(wave.cpu())
        mels.append(mel)
        spoken.extend(tokens)
    info: dict[str, object] = {"uttid": text_info[0], "syn_text": text_info[1], "syn_text_tn": normalised}
    return torch.cat(waves, dim=1), torch.cat(mels, dim=2), spoken, info


def cached(cache: dict[str, object]) -> tuple[list[str], list[torch.Tensor], list[list[int]]]:
    lists = cache["cache_text"], cache["cache_text_token"], cache["cache_speech_token"]
    texts, text_tokens, speech_tokens = lists
    assert isinstance(texts, list)
    assert isinstance(text_tokens, list)
    assert isinstance(speech_tokens, list)
    return texts, text_tokens, speech_tokens


def with_history(
    text_tokens: list[torch.Tensor], speech_tokens: list[list[int]], new: int
) -> tuple[torch.Tensor, list[int]]:
    """All that was spoken, less what makes it too long; the lists lose the same."""
    while len(text_tokens) > 1:
        texts = sum(ids.shape[1] for ids in text_tokens)
        speech = sum(map(len, speech_tokens))
        if speech + int(speech / texts * new) <= MAX_LLM_SEQ_INP_LEN:
            break
        text_tokens.pop(1)
        speech_tokens.pop(1)
    return torch.cat(text_tokens, dim=1), [token for each in speech_tokens for token in each]
