"""What linters cannot say of the code: the parent stays light, tests mirror, exemptions carry reasons."""

import re
import subprocess
import sys
from pathlib import Path

from tests.tree import ROOT, named, sources, tracked

LONG_FILE_LINES = 300

#: Files longer than the house likes, and why each is one file.
LONG_FILES: dict[str, str] = {}

#: Modules without a test module of their own, and where they are tested instead.
TESTED_ELSEWHERE: dict[str, str] = {
    "supervisor/doors/carrier.py": "two protocols of types, kept by all that carry a client's bytes",
    "supervisor/doors/socketcarrier.py": "under two doors: doors/test_connection.py, wyoming/test_sockets.py",
    "supervisor/doors/stdiocarrier.py": "under two doors: doors/test_stdio.py, wyoming/test_stdio.py",
    "supervisor/edge/clock.py": "two readings of the system's clocks, used by whatever is timed",
    "supervisor/edge/driver.py": "through pynvml and the stand-in driver: tests/supervisor/edge/test_nvml.py",
    "supervisor/edge/launch.py": "what a process is started with: tests/supervisor/edge/test_process.py",
    "supervisor/edge/proc.py": "what /proc says of real processes: test_process.py, test_hostmem.py",
    "supervisor/edge/spawn.py": "starts every process of tests/supervisor/edge/test_process.py",
    "supervisor/loop/runner.py": "carries whole jobs: tests/supervisor/loop/test_job.py and tests/processes/",
    "supervisor/loop/conclusion.py": "the end of whole jobs: tests/supervisor/loop/test_job.py",
    "supervisor/loop/crib.py": "the children of whole jobs: tests/supervisor/loop/test_job.py",
    "supervisor/loop/station.py": "one device of whole runs: test_studio.py, tests/processes/test_serve.py",
    "supervisor/loop/parts.py": "the audio of whole jobs: tests/supervisor/loop/test_job.py",
    "supervisor/loop/requests.py": "what whole jobs are asked with: tests/supervisor/loop/test_job.py",
    "supervisor/loop/place.py": "what whole jobs are made of: tests/supervisor/loop/test_job.py",
    "tts_core/models/__main__.py": "what `models` and `doctor` start: test_getting.py, test_verifying.py",
    "tts_core/models/canary.py": "spoken by whole reports: tests/tts_core/models/test_verifying.py",
    "tts_core/models/fetching.py": "against a hub of our own: tests/tts_core/models/test_getting.py",
    "tts_core/models/listing.py": "what is fetched from that hub: tests/tts_core/models/test_getting.py",
    "tts_core/models/looking.py": "each part by its fault: tests/tts_core/models/test_verifying.py",
    "tts_core/models/presence.py": "what `doctor` asks: tests/supervisor/edge/test_presence.py",
    "tts_core/models/record.py": "what a second run reads again: tests/tts_core/models/test_getting.py",
}

#: Test modules that mirror no module, and what they are about.
OF_MANY_MODULES: dict[str, str] = {
    "tests/tts_core/test_memory.py": "what is held after hundreds of whole utterances",
}

#: The parts of `supervisor` that are processes of their own and may be heavy.
APART = ("supervisor.delivery", "supervisor.encoding", "supervisor.plotting")

HEAVY = (
    "torch", "torchaudio", "numpy", "soundfile", "soxr", "av", "espeakng_loader", "matplotlib", "child",
    "tts_core",
)  # fmt: skip


# ------------------------------------------------------------------ the parent is light


def parent_modules() -> list[str]:
    paths = sorted((ROOT / "supervisor").rglob("*.py"))
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]
    names = [name.removesuffix(".__init__") for name in names]
    return [name for name in names if not name.startswith(APART) and not name.endswith("__main__")]


LIGHT = """
import importlib, sys
for name in sys.argv[2:]:
    importlib.import_module(name)
heavy = sorted(name for name in sys.argv[1].split(",") if name in sys.modules)
mapped = open("/proc/self/maps").read()
libraries = ("libcuda", "libcudart", "libtorch", "libespeak", "libsndfile")
print(*heavy, *(name for name in libraries if name in mapped))
"""


def test_a_fresh_parent_has_nothing_heavy_in_it() -> None:
    command = [sys.executable, "-c", LIGHT, ",".join(HEAVY), *parent_modules()]
    seen = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    assert seen.stdout.split() == []


# ------------------------------------------------------------------ tests mirror the source

PACKAGES = ("supervisor", "child", "tts_core")


def mirrored(source: Path) -> Path:
    """Where a module's tests are: `test_x.py` for `x.py`, for `__main__` with its underscores or without."""
    folder = ROOT / "tests" / source.relative_to(ROOT).parent
    plain = folder / f"test_{source.stem}.py"
    return plain if plain.is_file() else folder / f"test_{source.stem.strip('_')}.py"


def own_sources() -> list[Path]:
    return [path for path in sources() if path.relative_to(ROOT).parts[0] in PACKAGES]


def modules() -> list[Path]:
    """Modules with code in them: one that holds values alone, or a docstring, has nothing to test."""
    return [path for path in own_sources() if "def " in path.read_text("utf-8")]


def test_every_module_has_a_test_module() -> None:
    lonely = {named(path) for path in modules() if not mirrored(path).is_file()}
    assert sorted(lonely) == sorted(TESTED_ELSEWHERE)


def test_every_test_module_that_mirrors_has_its_module() -> None:
    expected = {mirrored(path) for path in own_sources()}
    folders = [ROOT / "tests" / package for package in PACKAGES]
    found = {path for folder in folders for path in folder.rglob("test_*.py")}
    assert sorted(named(path) for path in found - expected) == sorted(OF_MANY_MODULES)


# ------------------------------------------------------------------ exemptions, paths, sizes

# Written in two parts, so that this file does not find itself.
EXEMPTION = re.compile(r"#\s*(?:no" r"qa|type:\s*ig" r"nore|pyright:\s*ig" r"nore|pragma:\s*no\s)\b(.*)")


def test_every_exemption_carries_words() -> None:
    bare = [
        f"{named(path)}:{number}: {line.strip()}"
        for path in sources()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if (found := EXEMPTION.search(line)) and not re.search(r"\s--?\s+\S.*[a-z]{2}", found[1])
    ]
    assert bare == []


#: Homes and work folders of some machine; /tmp, /proc, /dev and /usr are everybody's.
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|ro" r"ot|wo" r"rk|Users|mnt|opt)/[\w.-]+")
REGISTRY = re.compile(r"--(?:extra-)?index-url|--find-links|PIP_INDEX|\[\[tool\.uv\.index")


def test_no_file_names_a_path_or_a_registry_of_some_machine() -> None:
    found = [
        f"{named(path)}: {match[0]}"
        for path in tracked()
        if path.name != "LICENSE" and path != Path(__file__)
        for pattern in (MACHINE_PATH, REGISTRY)
        for match in pattern.finditer(path.read_text("utf-8", errors="replace"))
    ]
    assert found == []


def test_a_file_stays_short_or_says_why_not() -> None:
    # Of the packages: a test module is a list, and as long as what it lists.
    long = {named(path) for path in own_sources() if len(path.read_bytes().splitlines()) > LONG_FILE_LINES}
    assert sorted(long) == sorted(LONG_FILES)


def test_nothing_is_left_for_later() -> None:
    later = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX|NotImplemented" r"Error)\b")
    found = [named(path) for path in sources() if later.search(path.read_text("utf-8"))]
    assert found == []
