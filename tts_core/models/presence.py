"""What there is of packages, parts and tables: looked for, not imported and not loaded."""

from importlib.util import find_spec
from pathlib import Path

from tts_core.checkpoint import Checkpoint
from tts_core.models.listing import TABLES

#: Import names of what the extra `glm` installs.
PACKAGES = (
    "emoji", "huggingface_hub", "jieba", "msgspec", "numpy", "onnxruntime",
    "pypinyin", "safetensors", "soundfile", "tiktoken", "tn", "torch", "torchaudio", "yaml",
)  # fmt: skip


def presence(
    folder: Path, configs: Path | None, sample_rate_hz: int, lexicon: Path | None = None
) -> dict[str, object]:
    """Return what lacks and how large the rest is, as a JSON object (see supervisor/edge/presence.py)."""
    checkpoint = Checkpoint(folder)
    tables = folder / "configs" if configs is None else configs
    vocoder = checkpoint.hift if sample_rate_hz == 24000 else checkpoint.vocos  # noqa: PLR2004 -- the one of two
    lacking = [path.name for path in map(Path, TABLES) if not (tables / path.name).is_file()]
    halved = [*checkpoint.llm.glob("*.safetensors"), checkpoint.flow / "flow.pt"]
    return {
        "packages": [name for name in PACKAGES if find_spec(name) is None],
        "parts": checkpoint.missing(sample_rate_hz),
        "tables": [f"{tables}: no {', '.join(lacking)}"] if lacking else [],
        "lexicon": [] if lexicon is None else _lexicon_faults(lexicon, tables),
        "halved_bytes": sum(map(_bytes, halved)),
        "whole_bytes": _bytes(vocoder),
    }


def _lexicon_faults(lexicon: Path, tables: Path) -> list[str]:
    try:
        from tts_core.text.phonemes import lexicon_fault  # noqa: PLC0415 -- imports msgspec, which may lack
    except ImportError:
        return []  # that is told of the packages
    fault = lexicon_fault(lexicon, tables)
    return [fault] if fault else []


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
