"""How many frames some speech tokens make."""

from tts_core.flow.config import FlowConfig


def frames_for(tokens: int, config: FlowConfig) -> int:
    """Return the frames of the spectrogram for so many tokens, those of the prompt among them.

    The order of the two operations is the model's own: 29 tokens at 25 Hz make 57 frames of 50 Hz and
    not 58, since 29 / 25 has no exact float. 287 of the first 5000 numbers lose a frame so.
    """
    return int(tokens / config.tokens_hz * config.frames_hz)
