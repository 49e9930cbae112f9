"""Read what the flow is built like: `flow/config.yaml`.

The file is HyperPyYAML, which can construct any object of any library: its tags are stripped and nothing
of it is run. What it leaves out has the values of the release.
"""

import re
from pathlib import Path
from typing import cast

import msgspec
import yaml

from tts_core.errors import CheckpointError

FILE = "config.yaml"

#: HyperPyYAML's way to name another key of the file.
_REFERENCE = re.compile(r"<(\w+)>")

#: Speech tokens that the language model can utter; rows of the token table beyond them cannot be reached.
_SPEECH_TOKENS = 32768


class FlowConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the flow is built like.

    Attributes:
        mel_bins: Of the spectrogram it makes.
        tokens_hz: Speech tokens a second.
        frames_hz: Frames of the spectrogram a second.
        width: Of the transformer.
        depth: Its blocks.
        heads: Of its attention.
        head_width: Of each.
        widening: Of the feed-forward, times `width`.
        token_width: Of a token's embedding.
        vocabulary: The token table has one row more.
        token_blocks: Convolution blocks over the embedded tokens.
        dropout: Of training; nothing of it is left here.
        speaker_in_norms: The speaker's vector goes into the norms. The release's form, and the only one here.
        guided_by_tokens: Guidance would leave the tokens away too. Not so in the release, nor here.
        no_speaker_in_input: The vector is no part of the input. The release's form, and the only one here.

    Raises:
        ValueError: If a number is not positive, or one of the last three is not the release's.
    """

    mel_bins: int = msgspec.field(name="mel_dim", default=80)
    tokens_hz: float = msgspec.field(name="input_frame_rate", default=25.0)
    frames_hz: float = msgspec.field(name="mel_framerate", default=50.0)
    width: int = msgspec.field(name="trans_dim", default=768)
    depth: int = 18
    heads: int = 12
    head_width: int = msgspec.field(name="dim_head", default=64)
    widening: int = msgspec.field(name="ff_mult", default=2)
    token_width: int = msgspec.field(name="speech_token_dim", default=512)
    vocabulary: int = msgspec.field(name="vocab_size", default=100000)
    token_blocks: int = msgspec.field(name="conv_layers", default=4)
    dropout: float = 0.0
    speaker_in_norms: bool = msgspec.field(name="spkr_emb_adaLN", default=True)
    guided_by_tokens: bool = msgspec.field(name="speech_token_cfg", default=False)
    no_speaker_in_input: bool = msgspec.field(name="remove_spkr_concat_condition", default=True)

    def __post_init__(self) -> None:
        numbers = (self.mel_bins, self.tokens_hz, self.frames_hz, self.width, self.depth, self.heads)
        numbers += (self.head_width, self.widening, self.token_width, self.vocabulary, self.token_blocks)
        if min(numbers) <= 0:
            raise ValueError("every number must be positive")
        if self.head_width % 2 or self.token_width % 2:
            raise ValueError("dim_head and speech_token_dim must be even: positions turn pairs of numbers")
        if not self.speaker_in_norms or self.guided_by_tokens or not self.no_speaker_in_input:
            raise ValueError(
                "this engine knows the released form alone: spkr_emb_adaLN true, speech_token_cfg false, "
                "remove_spkr_concat_condition true"
            )

    @property
    def token_rows(self) -> int:
        """Rows of the token table that a speech token can reach."""
        return min(self.vocabulary + 1, _SPEECH_TOKENS)

    @classmethod
    def read(cls, folder: Path) -> "FlowConfig":
        """Read the `config.yaml` of the folder `flow/`.

        Raises:
            CheckpointError: If it is missing, is not YAML, or does not describe such a flow.
        """
        path = folder / FILE
        given = _section(path, _parsed(path))
        known = {field.encode_name for field in msgspec.structs.fields(cls)}
        if unknown := sorted(given.keys() - known):
            raise CheckpointError(
                f"{path}: {', '.join(unknown)}: unknown to this engine, so this flow is not the released one"
            )
        try:
            return msgspec.convert(given, cls)
        except msgspec.ValidationError as error:
            raise CheckpointError(f"{path}: {error}") from None


class _PlainLoader(yaml.SafeLoader):
    """YAML whose tags of its own are read as the plain values that they stand before."""


def _plain(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> object:
    del tag
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    # As if it had no tag: `!ref <rate>` is a text, `!tag 25` a number.
    kind = loader.resolve(yaml.ScalarNode, node.value, (True, False))
    return loader.construct_object(yaml.ScalarNode(kind, node.value))


_PlainLoader.add_multi_constructor("!", _plain)


def _parsed(path: Path) -> dict[str, object]:
    try:
        # The loader is PyYAML's safe one: it makes plain values and nothing else.
        found = yaml.load(path.read_text("utf-8"), _PlainLoader)  # noqa: S506 -- a SafeLoader, see above
    except FileNotFoundError:
        raise CheckpointError(f"{path}: there is no such file; the checkpoint is not whole") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path}: not YAML ({error}); download it again") from None
    if not isinstance(found, dict):
        raise CheckpointError(f"{path}: not a mapping of keys to values")
    return {str(key): value for key, value in found.items()}


def _section(path: Path, whole: dict[str, object]) -> dict[str, object]:
    section = whole.get("flow")
    if not isinstance(section, dict):
        raise CheckpointError(f"{path}: has no section `flow`")
    return {str(key): _resolved(value, whole) for key, value in cast("dict[object, object]", section).items()}


def _resolved(value: object, whole: dict[str, object]) -> object:
    found = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    return whole.get(found[1], value) if found else value
