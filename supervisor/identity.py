"""The engine's part of a segment's identity: same words, same bytes.

It comes from the installed distributions and the configuration alone, so that a plan needs no
child. What only costs time or memory (faults, the scripted engine's sleep) is no part of it.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from supervisor.config import Config
from supervisor.edge.checkout import checkout_fingerprint
from supervisor.edge.modelfiles import MODEL_PATHS, model_fingerprint
from supervisor.errors import ConfigError
from supervisor.wire.messages import Setting

#: Raised by hand whenever this package's own code makes an engine give other bytes for a text.
REVISIONS = {"espeak": 2, "scripted": 1, "glm": 1, "glm-upstream": 1}

#: Distribution and import package that decide an engine's bytes besides this one.
_DISTRIBUTIONS = {"espeak": ("espeakng-loader", "espeakng_loader")}

#: The scripted engine's settings that its audio depends on.
_SCRIPTED_BYTES = frozenset({"seconds_per_char"})

#: What the original GLM-TTS computes and reads with, by distribution; other versions may give other bytes.
_UPSTREAM_STANDS_ON = (
    "torch", "torchaudio", "transformers", "onnxruntime", "onnxruntime-gpu",
    "WeTextProcessing", "pypinyin", "jieba", "espeakng-loader",
)  # fmt: skip

#: What our own engine computes and reads with, likewise, and what a child of it cannot do without.
_GLM_STANDS_ON = (
    "torch", "torchaudio", "onnxruntime", "WeTextProcessing", "pypinyin", "jieba",
    "espeakng-loader",  # its plain voices are cloned from that
)  # fmt: skip
_GLM_NEEDS = (
    "torch", "torchaudio", "safetensors", "tiktoken", "onnxruntime", "tn", "jieba", "pypinyin",
    "emoji", "yaml",
)  # fmt: skip

#: Import packages that a child of that engine cannot do without, and how to get them.
_UPSTREAM_NEEDS = {
    "child": "pip install --no-deps tts-supervisor",
    "msgspec": "pip install msgspec",
    "numpy": "what GLM-TTS's requirements.txt lists",
    "torch": "what GLM-TTS's requirements.txt lists",
}

_LEAST_PYTHON = (3, 11)

# Runs in the child's interpreter: prints the version of a distribution, or of the one that brings an engine,
# or its own version with those of several distributions and which import packages are missing.
_ASK = """
import sys
from importlib.metadata import PackageNotFoundError, entry_points, version
kind, name = sys.argv[1:]
if kind == "distribution":
    print(version(name))
elif kind == "packages":
    from importlib.util import find_spec
    sys.path = [entry for entry in sys.path if entry]
    distributions, packages = (names.split(",") for names in name.split(";"))
    def found(distribution):
        try:
            return version(distribution)
        except PackageNotFoundError:
            return ""
    print(*sys.version_info[:2], sep=".")
    print(*(f"{each}={found(each)}" for each in distributions))
    print(*(each for each in packages if find_spec(each) is None))
else:
    point = next(iter(entry_points(group="tts_supervisor.engines", name=name)))
    print(point.dist.name, point.dist.version)
"""

#: Starting a Python takes well under a second; on a loaded machine a few.
_ASK_TIMEOUT_S = 60


def engine_identity(config: Config) -> str:
    """Return a short stable string of all that decides the engine's bytes.

    Raises:
        ConfigError: If the engine's distribution is not installed where the child runs.
    """
    name = config.engine.name
    settings = config.engine.settings
    if name == "glm-upstream":
        settings = dict(settings)
        version = _upstream_version(str(settings.pop("path", "")), config.child.python)
        return f"{name}/{version}/{_digest(settings)}"
    if name == "glm":
        kept = {key: value for key, value in settings.items() if key not in MODEL_PATHS}
        version = _glm_version(settings, config.child.python)
        return f"{name}/{version}/{_digest({**kept, 'device': _device_kind(config.child.device)})}"
    if name == "scripted":
        settings = {key: value for key, value in settings.items() if key in _SCRIPTED_BYTES}
    return f"{name}/{_version(name, config.child.python)}/{_digest(settings)}"


def _device_kind(device: str) -> str:
    """Return what of a device's name may decide bytes: which of several GPUs it is, is no part of it.

    All devices are of one kind (`child.device`). GPUs go by the name of the first: jobs in ledgers have it.
    """
    return "cuda:0" if device.startswith("cuda:") else device


def _digest(settings: Mapping[str, Setting]) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode("ascii")).hexdigest()[:16]


def _glm_version(settings: Mapping[str, Setting], python: str) -> str:
    """Return what of the model's files and of the child's environment decides bytes.

    Raises:
        ConfigError: If the checkpoint is not set or not there, or the environment lacks what a child needs.
    """
    model = model_fingerprint(settings)
    _, versions, missing = _ask(
        python, "packages", f"{','.join(_GLM_STANDS_ON)};{','.join(_GLM_NEEDS)}"
    ).split("\n")
    if missing:
        raise ConfigError(
            f'the engine "glm" needs {", ".join(missing.split())}, which {python} does not have: '
            "pip install 'tts-supervisor[glm]' where the child runs (child.python)"
        )
    stands_on = hashlib.sha256(versions.encode("utf-8")).hexdigest()[:8]
    return f"{REVISIONS['glm']}-{model}-{stands_on}"


def _upstream_version(path: str, python: str) -> str:
    """Return what of the user's GLM-TTS and its environment decides bytes.

    Raises:
        ConfigError: If there is no checkout, or its environment lacks what a child needs.
    """
    checkout = checkout_fingerprint(path)
    # This interpreter is led to our own package when it runs the child; any other finds what it has.
    needs = [name for name in _UPSTREAM_NEEDS if python != sys.executable or name != "child"]
    asked = f"{','.join(_UPSTREAM_STANDS_ON)};{','.join(needs)}"
    running, versions, missing = _ask(python, "packages", asked).split("\n")
    if tuple(map(int, running.split("."))) < _LEAST_PYTHON:
        raise ConfigError(
            f"child.python: {python} is Python {running}; tts-supervisor runs in 3.11 or newer: make the "
            "environment of GLM-TTS with one, and point child.python at it"
        )
    for name in missing.split():
        raise ConfigError(
            f'child.python: {python} has no package {name!r}, which the engine "glm-upstream" needs; run '
            f"there: {_UPSTREAM_NEEDS[name]}; or point child.python at the interpreter that GLM-TTS runs in"
        )
    stands_on = hashlib.sha256(versions.encode("utf-8")).hexdigest()[:8]
    return f"{REVISIONS['glm-upstream']}-{checkout}-{stands_on}"


def _version(name: str, python: str) -> str:
    if name == "scripted":
        return str(REVISIONS[name])
    if name not in _DISTRIBUTIONS:
        return _ask(python, "engine", name)
    distribution, package = _DISTRIBUTIONS[name]
    here = installed_version(package) if python == sys.executable else None
    return f"{REVISIONS[name]}-{here or _ask(python, 'distribution', distribution)}"


def installed_version(package: str) -> str | None:
    """Read an import package's version from the name of its metadata folder.

    A tenth of the time and memory of `importlib.metadata`, which parses mail headers; None
    where the folder is not beside the package, or not alone there.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return None
    form = re.compile(rf"{re.escape(package)}-([^-]+)\.dist-info", re.IGNORECASE)
    names = os.listdir(Path(spec.origin).parents[1])  # noqa: PTH208 - names alone; Path.iterdir makes a Path of each
    found = [match[1] for match in map(form.fullmatch, names) if match]
    return found[0] if len(found) == 1 else None


def _ask(python: str, kind: str, name: str) -> str:
    try:
        answer = subprocess.run(  # noqa: S603 - the interpreter that the user configured to run the child
            [python, *_flags(python, kind), "-c", _ASK, kind, name],
            capture_output=True,
            text=True,
            timeout=_ASK_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"child.python: {python} does not run: {error}") from error
    if answer.returncode != 0:
        raise ConfigError(f"child.python: {python} does not have {_wanted(kind, name)}; install it there")
    return answer.stdout.removesuffix("\n") if kind == "packages" else answer.stdout.strip().replace(" ", "-")


def _flags(python: str, kind: str) -> list[str]:
    # No PYTHONPATH of ours goes to a child in another environment: what it would bring does not count.
    return ["-E"] if kind == "packages" and python != sys.executable else []


def _wanted(kind: str, name: str) -> str:
    match kind:
        case "distribution":
            return f"the package {name}"
        case "packages":
            return "a working Python 3.11 or newer"
        case _:
            return f"a package that brings the engine {name!r}"
