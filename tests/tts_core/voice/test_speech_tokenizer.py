"""The speech tokenizer: the reference's ids, a slow form's ids, its mask, and what it never loads."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from msgspec.structs import replace
from safetensors.torch import save
from torch import Generator, Tensor

from tests.tree import ROOT
from tests.tts_core.small_draw import Tensors, linear, normal
from tts_core.audio.recording import read_recording
from tts_core.errors import CheckpointError, WeightsError
from tts_core.voice.speech_config import SpeechTokenizerConfig
from tts_core.voice.speech_tokenizer import SpeechTokenizer, load_speech_tokenizer
from tts_core.weights import Weights, fit, held_bytes, read_safetensors

CPU = torch.device("cpu")

CONFIG = SpeechTokenizerConfig(
    d_model=12,
    encoder_attention_heads=3,
    encoder_ffn_dim=20,
    num_mel_bins=6,
    max_source_positions=40,
    quantize_position=3,
    quantize_vocab_size=50,
    pooling_kernel_size=2,
    pooling_position=2,
    quantize_causal_block_size=8,
    encoder_causal_convolution=True,
)


def drawn(config: SpeechTokenizerConfig, *, seed: int = 0) -> Tensors:
    chance = Generator().manual_seed(seed)
    width, inner = config.d_model, config.encoder_ffn_dim
    tensors = {
        "conv1.weight": linear(chance, width, config.num_mel_bins, 3, gain=2),
        "conv1.bias": normal(chance, width, scale=0.3),
        "conv2.weight": linear(chance, width, width, 3, gain=2),
        "conv2.bias": normal(chance, width, scale=0.3),
        "embed_positions.weight": normal(chance, config.max_source_positions, width, scale=0.3),
        "codebook.weight": normal(chance, config.quantize_vocab_size, width),
    }
    for layer in range(config.quantize_position):
        start = f"layers.{layer}."
        for norm in ("self_attn_layer_norm", "final_layer_norm"):
            tensors[f"{start}{norm}.weight"] = 1 + normal(chance, width, scale=0.2)
            tensors[f"{start}{norm}.bias"] = normal(chance, width, scale=0.2)
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            tensors[f"{start}self_attn.{name}.weight"] = linear(chance, width, width, gain=2)
            tensors[f"{start}self_attn.{name}.bias"] = normal(chance, width, scale=0.2)
        del tensors[f"{start}self_attn.k_proj.bias"]
        tensors[f"{start}fc1.weight"] = linear(chance, inner, width)
        tensors[f"{start}fc1.bias"] = normal(chance, inner, scale=0.2)
        tensors[f"{start}fc2.weight"] = linear(chance, width, inner)
        tensors[f"{start}fc2.bias"] = normal(chance, width, scale=0.2)
    return tensors


def made(config: SpeechTokenizerConfig, tensors: Tensors) -> SpeechTokenizer:
    with torch.device("meta"):
        tokenizer = SpeechTokenizer(config)
    fit(tokenizer, Weights(path=Path("here"), tensors=tensors), device=CPU)
    return tokenizer


# ------------------------------------------------------------------ a slow, obvious form


def slow_conv(rows: list[Tensor], weight: Tensor, bias: Tensor, *, stride: int, causal: bool) -> list[Tensor]:
    """Frame by frame, tap by tap; what is before the beginning or after the end is zero."""
    found: list[Tensor] = []
    for at in range(0, len(rows), stride):
        total = bias.clone()
        for tap in range(3):
            place = at + tap - (2 if causal else 1)
            if 0 <= place < len(rows):
                total = total + weight[:, :, tap] @ rows[place]
        found.append(torch.nn.functional.gelu(total))
    return found


def slow_norm(row: Tensor, tensors: Tensors, name: str) -> Tensor:
    spread = (row - row.mean()) / torch.sqrt(((row - row.mean()) ** 2).mean() + 1e-5)
    return spread * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]


def slow_attention(
    rows: list[Tensor], tensors: Tensors, start: str, heads: int, seen: list[list[int]]
) -> list[Tensor]:
    """Query by query, head by head, over a list of the keys that it may see."""

    def project(name: str, row: Tensor) -> Tensor:
        return tensors[f"{start}.{name}.weight"] @ row + tensors.get(f"{start}.{name}.bias", 0)

    size = len(rows[0]) // heads
    queries, keys, values = ([project(f"{one}_proj", row) for row in rows] for one in "qkv")
    mixed: list[Tensor] = []
    for at, query in enumerate(queries):
        parts: list[Tensor] = []
        for head in range(heads):
            of = slice(head * size, (head + 1) * size)
            scores = [math.exp(float(query[of] @ keys[place][of]) / math.sqrt(size)) for place in seen[at]]
            weighed = [score * values[place][of] for score, place in zip(scores, seen[at], strict=True)]
            parts.append(torch.stack(weighed).sum(dim=0) / sum(scores))
        mixed.append(project("out_proj", torch.cat(parts)))
    return mixed


def slow_seen(heard: list[bool], block: int | None) -> list[list[int]]:
    """Which keys each query may see: heard ones, no later than itself or of its own block."""
    return [
        [
            key
            for key in range(len(heard))
            if heard[key] and (block is None or key <= query or key // block == query // block)
        ]
        for query in range(len(heard))
    ]


def slow_ids(config: SpeechTokenizerConfig, tensors: Tensors, features: Tensor, mask: Tensor) -> list[int]:
    exact = {name: tensor.double() for name, tensor in tensors.items()}
    causal = config.encoder_causal_convolution
    rows = [features[:, at].double() for at in range(features.shape[1])]
    rows = slow_conv(rows, exact["conv1.weight"], exact["conv1.bias"], stride=1, causal=causal)
    rows = slow_conv(rows, exact["conv2.weight"], exact["conv2.bias"], stride=2, causal=causal)
    rows = [row + exact["embed_positions.weight"][at] for at, row in enumerate(rows)]
    heard, block = [bool(mask[2 * at]) for at in range(len(rows))], config.quantize_causal_block_size
    for layer in range(config.quantize_position):
        start = f"layers.{layer}"
        normed = [slow_norm(row, exact, f"{start}.self_attn_layer_norm") for row in rows]
        heads, seen = config.encoder_attention_heads, slow_seen(heard, block)
        attended = slow_attention(normed, exact, f"{start}.self_attn", heads, seen)
        rows = [row + more for row, more in zip(rows, attended, strict=True)]
        for at, row in enumerate(rows):
            inner = exact[f"{start}.fc1.weight"] @ slow_norm(row, exact, f"{start}.final_layer_norm")
            inner = torch.nn.functional.gelu(inner + exact[f"{start}.fc1.bias"])
            rows[at] = row + exact[f"{start}.fc2.weight"] @ inner + exact[f"{start}.fc2.bias"]
        if layer + 1 == config.pooling_position:
            pool = config.pooling_kernel_size
            groups = [rows[at : at + pool] for at in range(0, len(rows), pool)]
            rows = [torch.stack(group).mean(dim=0) for group in groups]
            heard, block = heard[::pool], block // pool if block else None
    codes = exact["codebook.weight"]
    return [min(range(len(codes)), key=lambda code: float(((row - codes[code]) ** 2).sum())) for row in rows]


VARIANTS = {
    "as released": CONFIG,
    "without blocks": replace(CONFIG, quantize_causal_block_size=None),
    "looking both ways": replace(CONFIG, encoder_causal_convolution=False),
    "pooled last": replace(CONFIG, pooling_position=3),
    "pooled by four": replace(CONFIG, pooling_kernel_size=4, pooling_position=1),
    "one head": replace(CONFIG, encoder_attention_heads=1),
}


def features_of(config: SpeechTokenizerConfig, frames: int, *, seed: int = 1) -> Tensor:
    return normal(Generator().manual_seed(seed), config.num_mel_bins, frames)


def first(count: int, of: int) -> Tensor:
    return torch.arange(of) < count


@pytest.mark.parametrize("spoken", [64, 37, 1])
@pytest.mark.parametrize("variant", VARIANTS)
def test_ids_are_those_of_the_slow_form(variant: str, spoken: int) -> None:
    config = VARIANTS[variant]
    tensors, features, mask = drawn(config), features_of(config, 64), first(spoken, 64)
    found = made(config, tensors).ids(features, mask)
    assert torch.equal(found, torch.tensor(slow_ids(config, tensors, features, mask)))
    if spoken > 1:  # ids that are all alike would say nothing, but one key is all that each query sees then
        assert len({int(one) for one in found}) > 3


def test_more_rows_than_are_compared_at_once_are_compared_alike() -> None:
    config = replace(CONFIG, max_source_positions=400)
    tensors, features = drawn(config), features_of(config, 800)
    found = made(config, tensors).ids(features, first(800, 800))
    assert len(found) == 200  # two rounds of 128
    # Blocks of 8 frames of 20 ms look back only: the beginning does not change with what follows.
    assert torch.equal(found[:32], made(config, tensors).ids(features[:, :128], first(128, 128)))


# ------------------------------------------------------------------ the mask


def test_what_is_only_padding_is_not_heard() -> None:
    config = VARIANTS["without blocks"]
    tokenizer, mask = made(config, drawn(config)), first(48, 64)
    features = features_of(CONFIG, 64)
    other = features.clone()
    other[:, 48:] = 99.0
    assert torch.equal(tokenizer.ids(features, mask)[:12], tokenizer.ids(other, mask)[:12])
    heard = torch.ones(64, dtype=torch.bool)
    assert not torch.equal(tokenizer.ids(features, heard)[:12], tokenizer.ids(other, heard)[:12])


def test_a_frame_sees_forwards_to_the_end_of_its_block_and_no_further() -> None:
    tokenizer, heard = made(CONFIG, drawn(CONFIG)), first(64, 64)
    features = features_of(CONFIG, 64)
    other = features.clone()
    other[:, 30:] += 5.0  # of the second block of 16 features, 4 tokens
    found, changed = tokenizer.ids(features, heard), tokenizer.ids(other, heard)
    assert torch.equal(found[:4], changed[:4])
    assert not torch.equal(found[4:7], changed[4:7])  # tokens before the change, in its block


# ------------------------------------------------------------------ a whole recording


@pytest.mark.parametrize(
    ("length", "rate_hz", "count"),
    [
        (1, 16000, 1),
        (640, 16000, 1),
        (641, 16000, 2),
        (87504, 16000, 137),
        (96000, 96000, 25),
        (8000, 8000, 25),
    ],
)
def test_there_is_a_token_for_every_forty_milliseconds_begun(
    small_checkpoint: Path, length: int, rate_hz: int, count: int
) -> None:
    tokenizer = load_speech_tokenizer(small_checkpoint / "speech_tokenizer", device=CPU)
    found = tokenizer.tokens(noise(length), rate_hz)
    assert (found.shape, found.dtype) == ((1, count), torch.int32)
    assert bool(((found >= 0) & (found < 32768)).all())


def test_thirty_seconds_are_a_piece_of_their_own(small_checkpoint: Path) -> None:
    tokenizer = load_speech_tokenizer(small_checkpoint / "speech_tokenizer", device=CPU)
    samples = noise(16000 * 32)
    found = tokenizer.tokens(samples, 16000)
    assert found.shape == (1, 800)
    assert torch.equal(found[:, :750], tokenizer.tokens(samples[:, :480000], 16000))


def test_the_first_channel_is_what_is_heard(small_checkpoint: Path) -> None:
    tokenizer = load_speech_tokenizer(small_checkpoint / "speech_tokenizer", device=CPU)
    both = torch.cat([noise(32000), noise(32001)[:, :32000]])
    assert torch.equal(tokenizer.tokens(both, 22050), tokenizer.tokens(both[:1], 22050))
    assert not torch.equal(tokenizer.tokens(both, 22050), tokenizer.tokens(both[1:], 22050))


def test_what_ran_before_changes_nothing(small_checkpoint: Path) -> None:
    tokenizer = load_speech_tokenizer(small_checkpoint / "speech_tokenizer", device=CPU)
    samples = noise(50000)
    alone = tokenizer.tokens(samples, 16000)
    for length in (700, 123456, 16000):
        tokenizer.tokens(noise(length), 44100)
    assert torch.equal(tokenizer.tokens(samples, 16000), alone)
    again = load_speech_tokenizer(small_checkpoint / "speech_tokenizer", device=CPU)
    assert torch.equal(again.tokens(samples, 16000), alone)


def noise(length: int) -> Tensor:
    return normal(Generator().manual_seed(length), 1, length, scale=0.1)


# ------------------------------------------------------------------ loading


def stored(folder: Path, tensors: Tensors, *, prefix: str = "", shards: int = 1) -> Path:
    said = {field: getattr(CONFIG, field) for field in CONFIG.__struct_fields__}
    (folder / "config.json").write_text(json.dumps(said), "utf-8")
    (folder / "preprocessor_config.json").write_text(
        json.dumps({"feature_size": CONFIG.num_mel_bins}), "utf-8"
    )
    names = sorted(tensors)
    for shard in range(shards):
        part = {f"{prefix}{name}": tensors[name] for name in names[shard::shards]}
        name = f"model-0000{shard + 1}-of-0000{shards}.safetensors" if shards > 1 else "model.safetensors"
        (folder / name).write_bytes(save(part))
    return folder


@pytest.mark.parametrize("prefix", ["", "encoder.", "model.encoder."])
@pytest.mark.parametrize("shards", [1, 3])
def test_it_is_loaded_whatever_it_was_cut_out_of(tmp_path: Path, prefix: str, shards: int) -> None:
    tensors, features = drawn(CONFIG), features_of(CONFIG, 64)
    loaded = load_speech_tokenizer(stored(tmp_path, tensors, prefix=prefix, shards=shards), device=CPU)
    whole = first(64, 64)
    assert torch.equal(loaded.ids(features, whole), made(CONFIG, tensors).ids(features, whole))


def test_what_training_left_and_later_layers_are_no_part_of_it(tmp_path: Path) -> None:
    tensors = drawn(CONFIG)
    third = [name for name in tensors if "layers.2." in name]
    later = {name.replace("layers.2.", "layers.3."): tensors[name].clone() for name in third}
    more = {
        "ema_count": torch.ones(50),
        "ema_weight": torch.ones(50, 12),
        "embed_positions2.weight": torch.ones(20, 12),
        "layer_norm.weight": torch.ones(12),
        "layer_norm.bias": torch.ones(12),
    }
    loaded = load_speech_tokenizer(stored(tmp_path, tensors | later | more), device=CPU)
    assert sorted(loaded.state_dict()) == sorted(tensors)


def test_pages_of_what_is_not_used_are_never_read(tmp_path: Path) -> None:
    ballast = 16 << 20
    tensors = drawn(CONFIG) | {"ema_weight": torch.zeros(ballast // 4)}
    tokenizer = load_speech_tokenizer(stored(tmp_path, tensors), device=CPU)
    tokenizer.ids(features_of(CONFIG, 64), first(64, 64))
    resident = resident_bytes_of(tmp_path / "model.safetensors")
    assert 0 < resident < ballast / 4


def resident_bytes_of(path: Path) -> int:
    """What this process has of a mapped file in memory."""
    total, inside = 0, False
    for line in Path("/proc/self/smaps").read_text("utf-8").splitlines():
        name, *rest = line.split()
        if "-" in name and not name.endswith(":"):
            inside = rest[-1] == str(path)
        elif inside and name == "Rss:":
            total += int(rest[0]) << 10
    return total


def test_everything_that_does_not_fit_is_named_at_once(tmp_path: Path) -> None:
    tensors = drawn(CONFIG) | {"surprise": torch.ones(1), "fc1.bias": torch.ones(1)}
    del tensors["conv1.bias"], tensors["layers.2.fc2.weight"]
    tensors["codebook.weight"] = torch.ones(49, 12)
    with pytest.raises(WeightsError) as caught:
        load_speech_tokenizer(stored(tmp_path, tensors), device=CPU)
    assert caught.value.missing == ["conv1.bias", "layers.2.fc2.weight"]
    assert caught.value.unexpected == ["fc1.bias", "surprise"]
    assert caught.value.wrong_shape == ["codebook.weight (49, 12) instead of (50, 12)"]


def test_a_file_that_is_missing_or_cut_short_is_named(tmp_path: Path) -> None:
    path = stored(tmp_path, drawn(CONFIG)) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(CheckpointError, match="damaged or cut short"):
        load_speech_tokenizer(tmp_path, device=CPU)
    path.unlink()
    with pytest.raises(CheckpointError, match=r"holds no model\*\.safetensors"):
        load_speech_tokenizer(tmp_path, device=CPU)


LOADED = """
import sys, torch
from pathlib import Path
from tts_core.voice.speech_tokenizer import load_speech_tokenizer
before = torch.get_rng_state()
load_speech_tokenizer(Path(sys.argv[1]), device=torch.device("cpu")).tokens(torch.ones(1, 16000), 16000)
assert torch.equal(torch.get_rng_state(), before), "drew at random"
print(*(name for name in ("torch._dynamo", "sympy", "onnxruntime", "transformers") if name in sys.modules))
"""


def test_a_fresh_process_draws_nothing_and_loads_no_compiler(small_checkpoint: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", LOADED, str(small_checkpoint / "speech_tokenizer")]
    seen = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    assert (seen.stdout.strip(), seen.stderr) == ("", "")


# ------------------------------------------------------------------ the reference's ids

#: What the reference's small encoder was made with: its weights say the widths, these say the rest.
REFERENCE = SpeechTokenizerConfig(
    d_model=32,
    encoder_attention_heads=4,
    encoder_ffn_dim=64,
    num_mel_bins=16,
    max_source_positions=1500,
    quantize_position=3,
    quantize_vocab_size=64,
    pooling_kernel_size=2,
    pooling_position=3,
    quantize_causal_block_size=20,
    encoder_causal_convolution=True,
)


def test_ids_are_those_of_the_reference(parity: Path) -> None:
    stored = read_safetensors([parity / "parts" / "speech_tokenizer.weights.safetensors"])
    known = read_safetensors([parity / "parts" / "speech_tokenizer.io.safetensors"]).tensors
    tensors = {n: one for n, one in stored.tensors.items() if n.split(".")[0][:4] != "ema_"}
    del tensors["embed_positions2.weight"]
    tokenizer = made(REFERENCE, tensors)
    for row, features in enumerate(known["input_features"]):
        ids = tokenizer.ids(features, known["attention_mask"][row].bool())
        assert torch.equal(ids, known["token_ids"][row])


@pytest.mark.parametrize("folder", ["24000", "32000", "32000_ph"])
def test_a_recording_has_the_tokens_of_the_reference(parity: Path, folder: str) -> None:
    known = read_safetensors([parity / "tiny" / "expected" / f"{folder}.safetensors"]).tensors
    tokenizer = load_speech_tokenizer(parity / "tiny" / "checkpoint" / "speech_tokenizer", device=CPU)
    recording = read_recording(parity / "tiny" / "reference.wav")
    assert torch.equal(tokenizer.tokens(recording.samples, recording.rate_hz), known["prompt_speech"])


def test_what_it_holds_is_what_it_uses(small_checkpoint: Path) -> None:
    folder = small_checkpoint / "speech_tokenizer"
    tokenizer = load_speech_tokenizer(folder, device=CPU)
    used = sum(one.nbytes for one in tokenizer.state_dict().values())
    assert held_bytes([tokenizer]) == used < (folder / "model.safetensors").stat().st_size * 0.55
