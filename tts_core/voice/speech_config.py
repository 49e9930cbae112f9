"""What the speech tokenizer's `config.json` says, as far as it changes the token ids."""

from pathlib import Path
from typing import TypeVar

import msgspec

from tts_core.errors import CheckpointError

_T = TypeVar("_T")


class SpeechTokenizerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Facts of a Whisper encoder with a codebook; other keys are of the decoder, or of training.

    Attributes:
        d_model: Width.
        encoder_attention_heads: Of each layer; divides the width.
        encoder_ffn_dim: Inner width of the feed-forward.
        num_mel_bins: Of the features.
        max_source_positions: Frames of 20 ms that a piece may have.
        quantize_position: Layers before the codebook; later ones are not loaded.
        quantize_vocab_size: Entries of the codebook.
        quantize_causal_block_size: Frames of 20 ms that see one another also forwards; None = all do.
        pooling_kernel_size: Frames that become one token.
        pooling_position: Layers before the pooling.
        pooling_type: "avg" is known.
        activation_function: "gelu" is known.
        encoder_causal_convolution: Whether the convolutions see past frames alone.
        encoder_causal_attention: False is known.
        quantize_causal_encoder: False is known.
    """

    d_model: int
    encoder_attention_heads: int
    encoder_ffn_dim: int
    num_mel_bins: int
    max_source_positions: int
    quantize_position: int
    quantize_vocab_size: int
    pooling_kernel_size: int
    pooling_position: int
    quantize_causal_block_size: int | None = None
    pooling_type: str = "avg"
    activation_function: str = "gelu"
    encoder_causal_convolution: bool = False
    encoder_causal_attention: bool = False
    quantize_causal_encoder: bool = False

    @classmethod
    def read(cls, folder: Path) -> "SpeechTokenizerConfig":
        """Read and check `config.json` of a folder, and `preprocessor_config.json` beside it.

        Raises:
            CheckpointError: If one is missing, damaged, or asks for what is not known here.
        """
        config = _read(folder / "config.json", cls)
        strange = [words for words, applies in config.strange().items() if applies]
        if strange:
            raise CheckpointError(
                f"{folder / 'config.json'}: not a tokenizer that is known: {'; '.join(strange)}"
            )
        _read(folder / "preprocessor_config.json", _Preprocessor).refuse_others(folder, config.num_mel_bins)
        return config

    def strange(self) -> dict[str, bool]:
        """Return in words what this code does not compute, and whether it is asked for."""
        numbers = (
            self.d_model,
            self.encoder_attention_heads,
            self.encoder_ffn_dim,
            self.num_mel_bins,
            self.max_source_positions,
            self.quantize_position,
            self.quantize_vocab_size,
            self.pooling_kernel_size,
            self.pooling_position,
            1 if self.quantize_causal_block_size is None else self.quantize_causal_block_size,
        )
        block = self.quantize_causal_block_size
        return {
            "a size below 1": min(numbers) < 1,
            f"{self.encoder_attention_heads} heads in a width of {self.d_model}": (
                self.encoder_attention_heads > 0 and self.d_model % self.encoder_attention_heads != 0
            ),
            f"pooling {self.pooling_type}": self.pooling_type != "avg",
            f"activation {self.activation_function}": self.activation_function != "gelu",
            "encoder_causal_attention": self.encoder_causal_attention,
            "quantize_causal_encoder": self.quantize_causal_encoder,
            f"pooling after layer {self.pooling_position}, codes after {self.quantize_position}": (
                self.pooling_position > self.quantize_position
            ),
            f"blocks of {block} frames, pooled by {self.pooling_kernel_size}": (
                block is not None and self.pooling_kernel_size > 0 and block % self.pooling_kernel_size != 0
            ),
        }


class _Preprocessor(msgspec.Struct, frozen=True, kw_only=True):
    """The features that it was trained on; `audio/whisper.py` makes these and no others."""

    feature_size: int = 80
    sampling_rate: int = 16000
    hop_length: int = 160
    n_fft: int = 400
    chunk_length: int = 30
    padding_value: float = 0.0

    def refuse_others(self, folder: Path, bins: int) -> None:
        wanted = _Preprocessor(feature_size=bins)
        if self != wanted:
            said = f"says {self}, and {wanted} is known"
            raise CheckpointError(f"{folder / 'preprocessor_config.json'}: other features: {said}")


def _read(path: Path, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: there is no such file; the checkpoint is not whole") from None
    except (msgspec.DecodeError, OSError) as error:
        raise CheckpointError(f"{path}: damaged, or of another model ({error}); download it again") from None
