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
from importlib.util import find_spec
from pathlib import Path

from supervisor.config import Config
from supervisor.errors import ConfigError

#: Raised by hand whenever this package's own code makes an engine give other bytes for a text.
REVISIONS = {"espeak": 2, "scripted": 1}

#: Distribution and import package that decide an engine's bytes besides this one.
_DISTRIBUTIONS = {"espeak": ("espeakng-loader", "espeakng_loader")}

#: The scripted engine's settings that its audio depends on.
_SCRIPTED_BYTES = frozenset({"seconds_per_char"})

# Runs in the child's interpreter: prints the version of a distribution, or of the one that brings an engine.
_ASK = """
import sys
from importlib.metadata import entry_points, version
kind, name = sys.argv[1:]
if kind == "distribution":
    print(version(name))
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
    if name == "scripted":
        settings = {key: value for key, value in settings.items() if key in _SCRIPTED_BYTES}
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode("ascii")).hexdigest()
    return f"{name}/{_version(name, config.child.python)}/{digest[:16]}"


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
            [python, "-c", _ASK, kind, name],
            capture_output=True,
            text=True,
            timeout=_ASK_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"child.python: {python} does not run: {error}") from error
    if answer.returncode != 0:
        what = (
            f"the package {name}" if kind == "distribution" else f"a package that brings the engine {name!r}"
        )
        raise ConfigError(f"child.python: {python} does not have {what}; install it there")
    return answer.stdout.strip().replace(" ", "-")
