"""An engine on torch that reads all of its weights for every segment and leaks what it is told to.

Its audio is a pure function of text, voice and seed, whatever it holds. The canary leaves nothing
behind. On a machine without CUDA it computes on the CPU, where the stand-in driver takes its
anonymous memory for the device's: what `held_bytes` asks for stands for weights that were copied there.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch

from child.engine import Audio, EngineError, EngineFacts, SettingsError, Utterance, VoiceNotFound
from child.settings import Bounds, read_number, read_size_bytes, refuse_unknown
from child.torch_vitals import TorchMemory, tensor_bytes
from supervisor.wire.messages import Setting, Vitals, Voice
from torch_stand_in.weights import MEAN, ROW

_WHERE = "engine.torch-stand-in"
_RATE_HZ = 24_000
_VOICES = tuple(f"tone-{number}" for number in range(200))
_CANARY = "Ready, says the stand-in."
#: Links of an autograd graph: each keeps a tensor alive that was computed on the way.
_GRAPH_LINKS = 4

_SECONDS_PER_CHAR = Bounds(0.02, 0.001, 60.0)
_CACHE_ENTRIES = Bounds(8, 1, 1_000_000)

#: What each setting is, beside `weights`, a file of `write_weights`, and `kind`, what is in it.
_SIZES = {
    "held_bytes": "memory that is taken at the start and kept, full of weights",
    "leak_bytes": "kept after each segment for ever",
    "big_leak_bytes": "kept instead after a segment that has `big_word` in it",
    "peak_bytes": "taken while a segment is spoken, and given back",
    "graph_bytes": "kept by an autograd graph for each new voice",
    "cache_bytes": "kept for each segment in a cache of bounded length",
}
_KEYS = (*_SIZES, "weights", "kind", "big_word", "cache_entries", "declare", "count", "seconds_per_char")


class TorchStandIn:
    """See the module."""

    def __init__(self) -> None:
        self._mapped: torch.Tensor | None = None
        self._weights_path = ""
        self._weights: list[torch.Tensor] = []
        self._sizes = dict.fromkeys(_SIZES, 0)
        self._big_word = ""
        self._counts = False
        self._seconds_per_char = _SECONDS_PER_CHAR.default
        self._device = torch.device("cpu")
        self._memory = TorchMemory("cpu")
        self._leaked: list[torch.Tensor] = []
        self._graphs: dict[str, torch.Tensor] = {}
        self._cache: OrderedDict[str, torch.Tensor] = OrderedDict()
        self._cache_entries = 0

    # ------------------------------------------------------------ before a child is there

    def weight_files(self, settings: Mapping[str, Setting]) -> list[str]:
        """Return the file that a start reads."""
        path = str(settings.get("weights", ""))
        return [path] if path else []

    def prepare(self, settings: Mapping[str, Setting], *, device: str) -> None:
        """Map the weights, in a process that children are forked from: one thread, no CUDA."""
        del device
        torch.set_num_threads(1)
        self._map(settings)

    def load(self, settings: Mapping[str, Setting], *, device: str, voice: str | None) -> EngineFacts:
        """Take the settings and the memory that they ask for."""
        refuse_unknown(settings, _KEYS, _WHERE)
        _check_voice(voice)
        torch.set_num_threads(1)  # the order of a sum is the same then, whatever the machine
        self._sizes = {key: read_size_bytes(settings, key, _WHERE) for key in _SIZES}
        self._big_word = str(settings.get("big_word", ""))
        self._cache_entries = int(read_number(settings, "cache_entries", _WHERE, _CACHE_ENTRIES))
        self._seconds_per_char = read_number(settings, "seconds_per_char", _WHERE, _SECONDS_PER_CHAR)
        self._counts = bool(settings.get("count", False))
        self._device = _device_for(device)
        self._memory = TorchMemory(str(self._device))
        if settings.get("declare", True):
            self._memory.declared.add("segments", lambda: tensor_bytes(self._cache))
        self._take_weights(settings)
        return EngineFacts(
            name="torch-stand-in",
            version="1",
            sample_rate_hz=_RATE_HZ,
            voice=_VOICES[0],
            clones=False,
            uses_device=True,
            pace_s_per_char=self._seconds_per_char,
            canary_text=_CANARY,
        )

    # ------------------------------------------------------------ the work

    def synthesize(self, utterance: Utterance) -> Iterator[Audio]:
        """Read every weight, speak, and keep what the settings say."""
        refuse_unknown(utterance.settings, (), _WHERE)
        voice = _check_voice(utterance.voice)
        self._memory.segment_begins()
        passing = self._filled(self._sizes["peak_bytes"])
        for weights in self._weights:
            _read(weights)
        samples = _tones(utterance, voice, self._seconds_per_char, self._device)
        del passing
        if utterance.text != _CANARY:
            self._keep(utterance.text, voice)
        yield Audio(samples=samples.cpu().numpy(), sample_rate_hz=_RATE_HZ)

    def voices(self) -> list[Voice]:
        """Return its voices: many, so that a leak per voice has room."""
        return [Voice(name=name, language="und", sample_rate_hz=_RATE_HZ) for name in _VOICES]

    def vitals(self) -> Vitals:
        """Return what torch says; with `count`, on the CPU, what it holds in tensors stands for the rest."""
        vitals = self._memory.vitals()
        if vitals.live_bytes is not None or not self._counts:
            return vitals
        live_bytes = tensor_bytes(self._weights, self._leaked, self._cache) + self._in_graphs_bytes()
        return Vitals(
            host_private_bytes=vitals.host_private_bytes,
            live_bytes=live_bytes,
            reserved_bytes=live_bytes,
            peak_bytes=live_bytes + self._sizes["peak_bytes"],
            declared_bytes=vitals.declared_bytes,
        )

    def release_caches(self) -> None:
        """Give back what torch can; a leak is no cache, and a cache on purpose stays."""
        self._memory.release()

    # ------------------------------------------------------------ what it holds

    def _map(self, settings: Mapping[str, Setting]) -> None:
        path, kind = str(settings.get("weights", "")), str(settings.get("kind", "float32"))
        if kind not in ("float32", "bfloat16"):
            raise SettingsError(f"{_WHERE}.kind = {kind!r}; there are float32 and bfloat16")
        if path and path != self._weights_path:
            dtype = torch.float32 if kind == "float32" else torch.bfloat16
            count = Path(path).stat().st_size // dtype.itemsize
            self._mapped = torch.from_file(path, shared=False, size=count, dtype=dtype)
            self._weights_path = path

    def _take_weights(self, settings: Mapping[str, Setting]) -> None:
        self._map(settings)
        if self._mapped is not None:
            self._weights.append(self._mapped.to(self._device))  # on the CPU the mapping itself
        if held_bytes := self._sizes["held_bytes"]:
            row = (torch.arange(ROW, device=self._device) % 16).to(torch.float32)
            self._weights.append(row.repeat(max(1, held_bytes // (4 * ROW))))

    def _filled(self, size_bytes: int) -> torch.Tensor:
        """Memory that is really there: every element written."""
        return torch.ones(size_bytes // 4, device=self._device)

    def _keep(self, text: str, voice: str) -> None:
        big = self._big_word and self._big_word in text
        if leak_bytes := self._sizes["big_leak_bytes" if big else "leak_bytes"]:
            self._leaked.append(self._filled(leak_bytes))
        if self._sizes["graph_bytes"] and voice not in self._graphs:
            self._graphs[voice] = self._graph()
        if self._sizes["cache_bytes"]:
            self._cache[text] = self._filled(self._sizes["cache_bytes"])
            while len(self._cache) > self._cache_entries:
                self._cache.popitem(last=False)

    def _graph(self) -> torch.Tensor:
        """What a forgotten `no_grad` keeps: a small result, and behind it all that led there."""
        style = self._filled(self._sizes["graph_bytes"] // _GRAPH_LINKS).requires_grad_()
        for _ in range(_GRAPH_LINKS - 1):
            style = style.sin()
        return style.sin().mean()

    def _in_graphs_bytes(self) -> int:
        return len(self._graphs) * self._sizes["graph_bytes"]


# ---------------------------------------------------------------- parts without state


def _device_for(device: str) -> torch.device:
    if device == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    if device != "cpu" and not torch.cuda.is_available():
        raise EngineError(f"child.device = {device!r}, but this torch ({torch.__version__}) finds no CUDA")
    return torch.device(device)


def _check_voice(voice: str | None) -> str:
    name = _VOICES[0] if voice is None else voice
    if name not in _VOICES:
        raise VoiceNotFound(f"the torch stand-in has no voice {name!r}; it has tone-0 to tone-199")
    return name


def _read(weights: torch.Tensor) -> None:
    """Read every weight.

    Raises:
        EngineError: If their sum is not that of a whole file.
    """
    seen = weights.view(-1, ROW).sum(1, dtype=torch.float32).double().sum().item()
    if seen != weights.numel() * MEAN:
        raise EngineError(f"the weights sum up to {seen}, not to {weights.numel() * MEAN}")


def _tones(utterance: Utterance, voice: str, seconds_per_char: float, device: torch.device) -> torch.Tensor:
    """A tone a character, each moved a little by the whole of text, voice and seed."""
    identity = f"{voice}\0{utterance.seed}\0{utterance.text}".encode("utf-8", "surrogatepass")
    drift = hashlib.sha256(identity).digest()[0]
    codes = torch.tensor([ord(char) % 89 for char in utterance.text], device=device)
    tones_hz = 150.0 + drift / 8 + 5.0 * codes.double()
    count = max(1, round(len(utterance.text) * seconds_per_char * _RATE_HZ))
    at_s = torch.arange(count, device=device, dtype=torch.float64) / _RATE_HZ
    char = (at_s / seconds_per_char).long().clamp_(max=len(utterance.text) - 1)
    into = at_s / seconds_per_char - char
    wave = torch.sin(2 * torch.pi * tones_hz[char] * at_s + 0.5)
    return (0.5 * (0.4 + 0.6 * torch.sin(torch.pi * into) ** 2) * wave).float()
