"""A user's checkout of GLM-TTS: opened, looked over, and called. Not one line of it is changed.

It finds everything by paths from its own folder, so that folder becomes the process's; it chooses its
device when it is imported, so which one it may see is settled before. What it prints goes to
standard error, where descriptor 1 points in a child.
"""

import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Protocol, cast

from child.engine import EngineError, OutOfMemory, SettingsError
from child.failings import log
from child.glm_upstream_errors import KNOWN, is_out_of_memory, wants_cuda

if TYPE_CHECKING:
    import torch

WHERE = "engine.glm_upstream"
_KEY = f"{WHERE}.path"
_SCRIPT = "glmtts_inference"

#: What is called, and by which names of arguments.
_CALLED: Mapping[str, Sequence[str]] = {
    "load_models": ("use_phoneme", "sample_rate"),
    "generate_long": (
        *("frontend", "text_frontend", "llm", "flow", "text_info", "cache", "device", "embedding", "seed"),
        *("sample_method", "flow_prompt_token", "speech_feat", "use_phoneme"),
    ),
}
_LOADED = 5  # frontend, text frontend, speech tokenizer, LM, flow
_OF_FRONTEND = (
    "_extract_text_token",
    "_extract_speech_token",
    "_extract_speech_feat",
    "_extract_spk_embedding",
)

#: What the release puts where: named only where loading has failed, since a later one may do otherwise.
_PARTS = (
    *(
        "ckpt/llm/config.json",
        "ckpt/speech_tokenizer/config.json",
        "ckpt/flow/flow.pt",
        "ckpt/flow/config.yaml",
    ),
    *("ckpt/vq32k-phoneme-tokenizer", "frontend/campplus.onnx", "configs"),
)
_VOCODERS = {24_000: "ckpt/hift/hift.pt", 32_000: "ckpt/vocos2d/generator_jit.ckpt"}


class TextFrontEnd(Protocol):
    """Of upstream's."""

    def text_normalize(self, text: str, /) -> str: ...  # noqa: D102 -- upstream's


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be opened.

    Attributes:
        path: The checkout's folder.
        sample_rate_hz: 24000 or 32000.
        device: As configured: "auto", "cpu" or "cuda:N".
    """

    path: str
    sample_rate_hz: int
    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A checkout with its models loaded.

    Attributes:
        device: Where torch computes, as torch calls it in this process: "cpu" or "cuda:0".
        own_device: What the checkout itself chose.
        text_token: Text -> int [1, n].
        speech_token: [path] -> ids [1, n].
        speech_feat: Path, sample_rate= -> float32 [1, T, 80].
        spk_embedding: Path -> float32 [1, 192].
        generate_long: See glm-tts: -> wave float32 [1, samples], mel, tokens, texts.
    """

    device: str
    own_device: object
    frontend: object
    text_frontend: TextFrontEnd
    llm: object
    flow: object
    text_token: "Callable[[str], torch.Tensor]"
    speech_token: "Callable[[list[str]], torch.Tensor]"
    speech_feat: "Callable[..., torch.Tensor]"
    spk_embedding: "Callable[[str], torch.Tensor]"
    generate_long: "Callable[..., Sequence[object]]"


def open_checkout(order: Order) -> Checkout:
    """Go into the folder, import what is there, and load its models.

    Raises:
        SettingsError: If it is no checkout, lacks a part, is of another version, or has no environment or
            device that it could run on; says which.
        EngineError: If loading fails otherwise.
    """
    root = _root_of(order.path)
    _show_devices(order.device)
    device = _device_for(order.device)
    os.chdir(root)
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    script = _script_in(root)
    frontend, text_frontend, _, llm, flow = _load(script, root, order.sample_rate_hz, device)
    extract = [_had(frontend, name) for name in _OF_FRONTEND]
    _had(text_frontend, "text_normalize")
    return Checkout(
        device=device,
        own_device=getattr(script, "DEVICE", device),
        frontend=frontend,
        text_frontend=cast("TextFrontEnd", text_frontend),
        llm=llm,
        flow=flow,
        text_token=extract[0],
        speech_token=extract[1],
        speech_feat=extract[2],
        spk_embedding=extract[3],
        generate_long=cast("Callable[..., Sequence[object]]", _had(script, "generate_long")),
    )


# ---------------------------------------------------------------- before it is imported


def _root_of(path: str) -> Path:
    if not path:
        raise SettingsError(
            f"{_KEY} is not set; name the folder of your own GLM-TTS, with {_SCRIPT}.py in it"
        )
    root = Path(path)
    if not (root / f"{_SCRIPT}.py").is_file():
        raise SettingsError(
            f"{_KEY} = {path!r}: there is no {_SCRIPT}.py in it; name the folder that GLM-TTS was cloned into"
        )
    return root


def _show_devices(device: str) -> None:
    """Leave CUDA the one device that is meant, or none; it reads this when it is first asked for anything."""
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    elif device.startswith("cuda:"):
        number = int(device.removeprefix("cuda:"))
        shown = os.environ.get("CUDA_VISIBLE_DEVICES")
        names = [name.strip() for name in shown.split(",")] if shown else []
        if shown is not None and number >= len(names):
            raise SettingsError(
                f"child.device = {device!r}, but CUDA_VISIBLE_DEVICES = {shown!r} has {len(names)} device(s)"
            )
        os.environ["CUDA_VISIBLE_DEVICES"] = names[number] if names else str(number)


def _device_for(device: str) -> str:
    try:
        import torch  # noqa: PLC0415 -- whether it is there is the question
    except ImportError as error:
        raise _no_package("torch", error) from error
    if device == "cpu":
        return "cpu"
    if torch.cuda.is_available():
        return "cuda:0"
    if device != "auto":
        raise SettingsError(f"child.device = {device!r}, but torch {torch.__version__} finds no such device")
    log("glm-upstream: torch finds no CUDA here; GLM-TTS will compute on the CPU, if it can")
    return "cpu"


# ---------------------------------------------------------------- its code


def _script_in(root: Path) -> ModuleType:
    importlib.invalidate_caches()
    try:
        script = importlib.import_module(_SCRIPT)
    except ImportError as error:
        raise _no_package(error.name or "", error) from error
    except KNOWN as error:
        log("".join(traceback.format_exception(error)).rstrip())
        raise _not_loaded(error, root, 0, "importing it") from None
    if script.__file__ is None or not Path(script.__file__).samefile(root / f"{_SCRIPT}.py"):
        raise SettingsError(
            f"{_KEY} = {str(root)!r}, but {_SCRIPT} was found at {script.__file__}; one checkout a process"
        )
    for function, arguments in _CALLED.items():
        _must_take(_had(script, function), function, arguments)
    return script


def _no_package(name: str, error: ImportError) -> SettingsError:
    return SettingsError(
        f"the Python that runs the child, {sys.executable}, cannot import {name or 'a package'} ({error}): "
        "point child.python at the interpreter of the environment that GLM-TTS runs in, or install there "
        "what its requirements.txt lists"
    )


def _had(thing: object, name: str) -> "Callable[..., torch.Tensor]":
    found: Callable[..., torch.Tensor] | None = getattr(thing, name, None)
    if not callable(found):
        raise _another_version(f"has no {name}")
    return found


def _must_take(function: Callable[..., object], name: str, arguments: Sequence[str]) -> None:
    known = inspect.signature(function).parameters
    if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in known.values()):
        return
    if missing := [argument for argument in arguments if argument not in known]:
        raise _another_version(f"has a {name} that does not take {', '.join(missing)}")


def _another_version(what: str) -> SettingsError:
    return SettingsError(
        f"{_KEY}: this GLM-TTS {what}; the engine was written for zai-org/GLM-TTS of December 2025: check "
        "out a version like it"
    )


# ---------------------------------------------------------------- its models


def _load(script: ModuleType, root: Path, rate_hz: int, device: str) -> Sequence[object]:
    load_models: Callable[..., Sequence[object]] = script.load_models
    try:
        # The tables for phonemes always, as its web page does: each line may ask for them or not.
        parts = load_models(use_phoneme=True, sample_rate=rate_hz)
    except ImportError as error:
        raise _no_package(error.name or "", error) from error
    except KNOWN as error:
        log("".join(traceback.format_exception(error)).rstrip())
        if device == "cpu" and wants_cuda(error):
            raise SettingsError(_NEEDS_CUDA.format(error=str(error).splitlines()[0])) from None
        raise _not_loaded(error, root, rate_hz, "load_models") from None
    if len(parts) != _LOADED:
        raise _another_version(f"has a load_models that returns {len(parts)} things, not {_LOADED}")
    return parts


_NEEDS_CUDA = (
    "this GLM-TTS asks for CUDA ({error}) and there is none for it: it needs an NVIDIA GPU, a torch that is "
    'built for CUDA, and child.device other than "cpu"; engine.name = "glm" speaks the same model on the CPU'
)


def _not_loaded(error: Exception, root: Path, rate_hz: int, where: str) -> EngineError:
    said = f"{type(error).__name__}: {error}"
    if is_out_of_memory(error):
        return OutOfMemory(f"no room for the models of GLM-TTS: {said}")
    wanted = [*_PARTS, _VOCODERS[rate_hz]] if rate_hz else []
    missing = [part for part in wanted if not (root / part).exists()]
    if not missing:
        return EngineError(f"GLM-TTS in {root} does not load; {where} failed with {said}")
    return SettingsError(
        f"GLM-TTS in {root} does not load ({said}); what it lacks: {', '.join(missing)}. The release, "
        "zai-org/GLM-TTS, belongs into ckpt; the rest comes with the code"
    )
