"""What a folder's `config.json` says of its Llama, checked before a weight is read."""

from pathlib import Path

import msgspec

from tts_core.errors import CheckpointError


class LmConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Widths and constants of one Llama.

    Attributes:
        vocab_size: Ids, and rows of the embedding.
        hidden_size: Width between layers.
        intermediate_size: Width inside a layer's feed-forward part.
        num_hidden_layers: Layers.
        num_attention_heads: Heads of queries.
        num_key_value_heads: Heads of keys and values; each serves as many query heads.
        head_dim: Width of one head; even.
        rms_norm_eps: Added to a mean square.
        rope_theta: Base of the rotation's frequencies.
        tie_word_embeddings: Whether the head's rows are the embedding's.
    """

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    rms_norm_eps: float
    rope_theta: float
    tie_word_embeddings: bool

    @classmethod
    def read(cls, folder: Path) -> "LmConfig":
        """Read `config.json` of a folder, in either of the spellings that are about.

        Raises:
            CheckpointError: If the file is missing, no JSON, or says what this Llama is not.
        """
        path = folder / "config.json"
        try:
            said = msgspec.json.decode(path.read_bytes(), type=_Said)
        except FileNotFoundError:
            raise CheckpointError(f"{path}: there is no such file; the checkpoint is not whole") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise CheckpointError(
                f"{path}: not the configuration of a Llama ({error}); download it again"
            ) from None
        faults = _faults(said)
        if faults:
            raise CheckpointError(f"{path}: not a Llama that this engine can run: {'; '.join(faults)}")
        return _config(said)


class _Rope(msgspec.Struct, frozen=True):
    """The nested form of newer files, and the scaling of older ones, which say `type`."""

    rope_theta: float | None = None
    rope_type: str | None = None
    type: str | None = None

    @property
    def kind(self) -> str:
        return self.rope_type or self.type or "default"


class _Said(msgspec.Struct, frozen=True):
    """The keys of the file that mean something here; whatever else it has is about training or other code."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int | None = None
    head_dim: int | None = None
    rms_norm_eps: float = 1e-6
    rope_theta: float | None = None
    rope_parameters: _Rope | None = None
    rope_scaling: _Rope | None = None
    tie_word_embeddings: bool = False
    model_type: str = "llama"
    hidden_act: str = "silu"
    attention_bias: bool = False
    mlp_bias: bool = False


def _faults(said: _Said) -> list[str]:
    """Return in words what the file asks for and this Llama does not have."""
    ropes = [rope.kind for rope in (said.rope_parameters, said.rope_scaling) if rope is not None]
    widths = (said.vocab_size, said.hidden_size, said.intermediate_size, said.num_attention_heads)
    kv_heads = said.num_key_value_heads or said.num_attention_heads
    checks = (
        (said.model_type != "llama", f"model_type {said.model_type!r}"),
        (said.hidden_act != "silu", f"hidden_act {said.hidden_act!r}"),
        (said.attention_bias or said.mlp_bias, "projections with a bias"),
        (any(kind != "default" for kind in ropes), f"rope_type {ropes}"),
        (min(*widths, said.num_hidden_layers, kv_heads) < 1, "a width below 1"),
        (
            kv_heads > 0 and said.num_attention_heads % kv_heads != 0,
            f"{kv_heads} key heads, which do not share out",
        ),
        (_head_dim(said) % 2 != 0, f"an odd head_dim, {_head_dim(said)}"),
    )
    return [words for wrong, words in checks if wrong]


def _head_dim(said: _Said) -> int:
    return said.head_dim or said.hidden_size // max(1, said.num_attention_heads)


def _config(said: _Said) -> LmConfig:
    nested = None if said.rope_parameters is None else said.rope_parameters.rope_theta
    return LmConfig(
        vocab_size=said.vocab_size,
        hidden_size=said.hidden_size,
        intermediate_size=said.intermediate_size,
        num_hidden_layers=said.num_hidden_layers,
        num_attention_heads=said.num_attention_heads,
        num_key_value_heads=said.num_key_value_heads or said.num_attention_heads,
        head_dim=_head_dim(said),
        rms_norm_eps=said.rms_norm_eps,
        rope_theta=nested or said.rope_theta or 10000.0,
        tie_word_embeddings=said.tie_word_embeddings,
    )
