"""Every example in README and docs/ is run, or read by what it is for; the few that cannot be say why."""

import configparser
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Generator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import msgspec
import numpy as np
import pytest
import soundfile
import yaml

from supervisor.cli.parser import make_parser
from supervisor.config import load_config
from supervisor.config.keys import KEYS
from supervisor.errors import UsageError
from supervisor.loop.alerting import AlertEvent
from tests.blocks import Block, blocks, every, pages
from tests.standin.tools import put_jq, put_node
from tests.tree import ROOT, page

#: What no test can do, and where it stands. It grows only by something that no test can do.
NOT_RUN = {
    ("README.md", ".venv/bin/pip install -c constraints.txt '.[glm]'"): "downloads torch and 9 GB of weights",
    ("docs/commands.md", "tts-supervisor models get glm-tts"): "downloads 9 GB of weights",
    ("docs/docker.md", "openssl rand"): "needs a Docker daemon",
    ("docs/docker.md", "docker compose cp"): "needs a Docker daemon",
    ("docs/docker.md", "docker build -t"): "needs a Docker daemon",
    ("docs/docker.md", "export COMPOSE_FILE"): "needs a Docker daemon",
    ("docs/docker.md", "docker build --secret"): "needs a Docker daemon",
    ("docs/docker.md", "export TTS_API_KEY"): "needs a Docker daemon",
    ("docs/docker.md", "git pull"): "needs a Docker daemon",
    ("docs/glm.md", "pip install -c constraints.txt '.[glm]'"): "downloads torch and 9 GB of weights",
    ("docs/glm-upstream.md", "/path/to/glm-env/bin/python -m pip install"): "needs an environment of GLM-TTS",
    ("docs/service.md", "python3 -m venv /usr/local"): "writes below /usr and /etc, as root",
    ("docs/service.md", "tts-supervisor service install --http"): "writes below /usr and /etc, as root",
    ("docs/service.md", "install -d /etc/tts-supervisor"): "writes below /usr and /etc, as root",
    ("docs/service.md", "tts-supervisor --state /var/lib/"): "needs the machine's service",
    ("docs/service.md", "journalctl -u"): "needs the journal of a running service",
}

#: Blocks that take a minute, by page and first line; those with a model get a small one in the same layout.
SLOW = {
    ("README.md", ".venv/bin/tts-supervisor demo"),
    ("docs/commands.md", "tts-supervisor models verify glm-tts"),
    ("docs/commands.md", "python -m tts_core dump"),
    ("docs/commands.md", "tts-supervisor --set engine.name=glm voices add"),
    ("docs/glm.md", "tts-supervisor voices add ada"),
    ("docs/glm-upstream.md", "tts-supervisor narrate book.md"),
}

#: What stands for a place on the reader's machine.
PLACES = {"/path/to/other/bin/python": sys.executable, "/path/to/glm-env/bin/python": sys.executable}


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


for place in ("127.0.0.1:8000", "127.0.0.1:10200"):
    PLACES[place] = f"127.0.0.1:{_free_port()}"

#: Ask a run that must be there.
ASKING = re.compile(r"tts-supervisor (?:status|clean|recycle)\b")

#: Starts the service that the blocks below it on the page speak through.
SERVING = re.compile(r"tts-supervisor serve --(?:http|wyoming) \S+\n\Z")

#: Longest that one command of an example may take, on a machine that does ten things at once.
PATIENCE_S = 300.0


# ------------------------------------------------------------------ which there are


def test_what_is_not_run_is_little_and_says_why() -> None:
    marked = [block for name in pages() for block in blocks(name) if block.not_run is not None]
    unnamed = [
        f"{block.page}:{block.line}"
        for block in marked
        if not any(
            block.page == name and block.text.startswith(first) and block.not_run == why
            for (name, first), why in NOT_RUN.items()
        )
    ]
    assert unnamed == [], "mark only what no test can do, and name it in NOT_RUN"
    assert len(marked) == len(NOT_RUN)
    assert {block.language for block in marked} <= {"sh"}


def test_every_block_is_of_a_kind_that_is_looked_at() -> None:
    kinds = {block.language for name in pages() for block in blocks(name)}
    # Without a language: drawings, and output as it looks. What goes over a wire is sent by test_protocol.py.
    # Status lines (text) are compared by test_docs.py.
    assert kinds - {"", "mermaid", "jsonrpc", "text"} <= {"sh", "python", "toml", "json", "ini", "yaml"}
    assert kinds >= {"sh", "python", "toml", "json", "ini"}


#: How a line begins that is a command, whatever its fence says.
COMMAND = re.compile(
    r"^(?:\$ )?(?:\S*/)?(?:tts-supervisor|python3?|pip|sudo|systemctl|journalctl|curl|jq) ", re.MULTILINE
)


def test_nothing_that_could_be_run_hides_in_a_block_without_a_language() -> None:
    listings = [block for block in every("") if "─" not in block.text]  # with it, a drawing
    looks = (COMMAND, re.compile(r"^\s*[{\[<>]", re.MULTILINE))  # the second: JSON, TOML, a conversation
    hidden = [
        f"{block.page}:{block.line}" for block in listings if any(look.search(block.text) for look in looks)
    ]
    assert hidden == []


#: A command that is shown by its indentation alone: those of measurements take minutes to hours.
INDENTED = re.compile(
    r"^ {4}(?:\.venv/bin/)?(?:python (?:-m )?)?(pytest|benchmarks\S*)((?: \S+)*)$", re.MULTILINE
)


def test_what_a_measurement_is_run_with_is_there() -> None:
    texts = {name: page(name) for name in ("docs/measurements.md", "benchmarks/README.md")}
    found = [(name, *shown) for name, text in texts.items() for shown in INDENTED.findall(text)]
    assert len(found) == sum(len(re.findall(r"^ {4}\S", text, re.MULTILINE)) for text in texts.values())
    for name, program, words in found:
        parts = [program.replace(".", "/") + ".py"] if program.startswith("benchmarks.") else [program]
        files = [word for word in [*parts, *words.split()] if "/" in word]
        missing = [file for file in files if not (ROOT / file).exists()]
        assert files, f"{name}: {program}{words}"
        assert missing == [], f"{name}: {program}{words}"
        for option in re.findall(r"--[a-z-]+", words) if "benchmarks" in program else ():
            assert f'"{option.replace("--no-", "--")}"' in page(files[0]), (
                f"{name}: {program} takes no {option}"
            )


#: What stands for something else in the line of a text: `jobs show ID`, `say …`.
STANDS_FOR = re.compile("…")


def test_a_command_in_the_midst_of_a_text_is_one_that_the_program_takes() -> None:
    shown = {
        (name, words)
        for name in pages()
        for words in re.findall(r"`tts-supervisor ([^`]*)`", page(name))
        if "--help" not in words
    }
    assert len(shown) > 10
    for name, words in sorted(shown):
        given = shlex.split(STANDS_FOR.sub("text", words))
        # A command's name alone means the command, whatever else it needs.
        with pytest.raises(SystemExit, match=r"^0$") if len(given) == 1 else nullcontext():
            try:
                make_parser().parse_args(given if len(given) > 1 else [*given, "--help"])
            except UsageError as error:
                pytest.fail(f"{name}: tts-supervisor {words}: {error}")


def test_what_ci_runs_is_run_by_it() -> None:
    names = [block.command for name in pages() for block in blocks(name) if block.command is not None]
    assert sorted(names) == ["narrate", "test"]
    for name in names:
        assert f"$(readme_command {name})" in page(".ci/run")


# ------------------------------------------------------------------ shell


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A folder as a reader has it before him: the program, the examples, texts and recordings of his own.

    Attributes:
        path: The folder, which is his home as well.
        more: Added to the environment.
    """

    path: Path
    more: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def env(self) -> dict[str, str]:
        """An environment that points into this folder alone."""
        kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
        path = os.pathsep.join([str(self.path / "bin"), os.environ["PATH"]])
        packages = os.pathsep.join([str(ROOT), str(self.path / "site")])
        own = {"PATH": path, "HOME": str(self.path), "PYTHONPATH": packages, "LC_ALL": "C.UTF-8"}
        return kept | own | {"XDG_RUNTIME_DIR": str(self.path / "run")} | dict(self.more)

    def run(self, block: Block) -> None:
        """Run a block as a reader would who pastes it, and look for what it promises to write."""
        text = _real(block.text)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.path,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S * (1 + len(text.splitlines())),
        )
        assert done.returncode == 0, f"{block.page}:{block.line}: {done.stdout}\n{done.stderr}"
        for name in re.findall(r" -o (\S+)", text):
            written = self.path / name
            assert any(written.iterdir()) if written.is_dir() else written.stat().st_size > 0, name

    @contextmanager
    def narrating(self) -> Generator[None]:
        """Have a narration run meanwhile, whose child is ready."""
        book = " ".join(f"This is sentence number {number} of a long night." for number in range(2000))
        (self.path / "long.txt").write_text(book)
        sets = ["--set", "engine.name=scripted", "--set", "engine.scripted.wall_per_char_s=0.005"]
        process = subprocess.Popen(
            ["tts-supervisor", *sets, "narrate", "long.txt", "-o", "long.flac", "--json"],
            cwd=self.path,
            env=self.env,
            executable=str(self.path / "bin" / "tts-supervisor"),
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            assert any(b'"job/segment"' in line for line in process.stdout), "it ended before it spoke"
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=PATIENCE_S)

    @contextmanager
    def serving(self, block: Block) -> Generator[None]:
        """Have the service run meanwhile that a block starts, once it listens; it ends as it should."""
        words = _real(block.text).split()
        process = subprocess.Popen(
            words,
            cwd=self.path,
            env=self.env | {"TTS_SUPERVISOR_LOG__LEVEL": "info"},
            executable=str(self.path / "bin" / "tts-supervisor"),
            stderr=subprocess.PIPE,
        )
        assert process.stderr is not None
        port = words[-1].rpartition(":")[2]
        try:
            opened = (b"door.open" in line and port.encode() in line for line in process.stderr)
            assert any(opened), "it ended before it listened"
            reading = subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=PATIENCE_S) == 0
            process.stderr.close()
        reading.wait(timeout=PATIENCE_S)


def _real(text: str) -> str:
    for place, real in PLACES.items():
        text = text.replace(place, real)
    return text


STORY = """# A short night

The ferry left at 22:40. Nobody slept.

## The morning

开往青石镇的渡轮到了。 Everybody was there.
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk with all that the examples name."""
    desk = Desk(path=tmp_path)
    _put_program(tmp_path)
    (tmp_path / "examples").mkdir()
    for name in ("lines.jsonl", "narrate.sh", "narrate.mjs"):
        shutil.copy(ROOT / "examples" / name, tmp_path / "examples")
    # The beginning of the story that is shipped: .ci/run narrates the whole of it.
    beginning = page("examples/the-night-ferry.md").splitlines(keepends=True)[:9]
    (tmp_path / "examples" / "the-night-ferry.md").write_text("".join(beginning))
    for name in ("book.md", "one.txt", "two.md", "letter.txt", "story.md"):
        (tmp_path / name).write_text(STORY)
    for name in ("me.wav", "ada.wav"):
        hum = 0.3 * np.sin(np.arange(4 * 16_000) * (2 * np.pi * 220 / 16_000))
        soundfile.write(tmp_path / name, hum.astype(np.float32), 16_000)
    shutil.copy(ROOT / "config.toml", tmp_path)
    (tmp_path / "run").mkdir(mode=0o700)
    return desk


def _put_program(folder: Path) -> None:
    for place in (folder / "bin", folder / ".venv" / "bin"):
        place.mkdir(parents=True)
        for name, words in (("tts-supervisor", "-P -m supervisor"), ("python", "")):
            (place / name).write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n')
            (place / name).chmod(0o755)


def shell_blocks(name: str, *, slow: bool) -> list[Block]:
    """The blocks of a page that are to be run here: those that take a minute, or the others."""
    return [
        block
        for block in blocks(name)
        if block.language == "sh"
        and block.not_run is None
        and block.command is None
        and slow == any(block.page == name and block.text.startswith(first) for name, first in SLOW)
    ]


@pytest.mark.processes
@pytest.mark.timeout(900)  # some twenty commands, each with a child of its own
@pytest.mark.parametrize("name", [name for name in pages() if shell_blocks(name, slow=False)])
def test_the_commands_of_a_page_do_what_it_says_one_after_the_other(name: str, desk: Desk) -> None:
    _put_engine(name, desk)
    for program, put in (("jq", put_jq), ("node", put_node)):
        if any(
            re.search(rf"\b{program} |narrate\.sh", block.text) for block in shell_blocks(name, slow=False)
        ):
            put(desk.path / "bin")
    found = shell_blocks(name, slow=False)
    services = [block for block in found if SERVING.match(block.text)]
    with desk.serving(services[0]) if services else nullcontext():
        _run_all([block for block in found if block not in services], desk)


def _run_all(found: list[Block], desk: Desk) -> None:
    for block in found:
        if ASKING.search(block.text):
            with desk.narrating():
                desk.run(block)
        else:
            desk.run(block)


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.timeout(1800)  # each command on a model starts torch
@pytest.mark.parametrize("name", sorted({name for name, _ in SLOW}))
def test_what_takes_a_minute_does_what_the_page_says(name: str, desk_with_models: Desk) -> None:
    found = shell_blocks(name, slow=True)
    assert len(found) == len([page for page, _ in SLOW if page == name])
    _configure(name, desk_with_models)
    for block in found:
        desk_with_models.run(block)


@pytest.fixture
def desk_with_models(desk: Desk, engine_cache: Path, text_cache: Path) -> Desk:
    """A desk with a small model where `models get` puts it, and a checkout of what stands for GLM-TTS."""
    from tests.engines.upstream import make_checkout  # noqa: PLC0415 -- torch takes seconds
    from tests.tts_core.small_checkpoint import (  # noqa: PLC0415 -- likewise
        make_small_checkpoint,
        make_small_configs,
        write_recording,
    )

    assert text_cache.is_relative_to(engine_cache)
    model = make_small_checkpoint(desk.path / ".local" / "share" / "tts-supervisor" / "models" / "glm-tts")
    make_small_configs(model / "configs")
    (desk.path / "glm-tts").symlink_to(model)
    make_checkout(desk.path / "GLM-TTS")
    for name in ("me.wav", "ada.wav"):
        write_recording(desk.path / name, seed=0)
    line = {
        "uttid": "1",
        "prompt_text": "Hello there.",
        "prompt_speech": "ada.wav",
        "syn_text": "我最爱吃人参果。",
    }
    (desk.path / "examples" / "example_zh.jsonl").write_text(json.dumps(line))
    item = {"seed": 0, "prompt_text": "Hello there.", "text": "The ferry leaves at ten."}
    (desk.path / "inputs.json").write_text(json.dumps(item))
    (desk.path / "texts.jsonl").write_text('{"text": "The ferry leaves at 22:40."}\n')
    on_the_cpu = {"TTS_SUPERVISOR_CHILD__DEVICE": "cpu", "XDG_CACHE_HOME": str(engine_cache)}
    return replace(desk, more=on_the_cpu)


def _configure(name: str, desk: Desk) -> None:
    """Write the config.toml that a page shows; where it shows none, as `models get` says."""
    shown = [
        block.text for block in blocks(name) if block.language == "toml" and "[project]" not in block.text
    ]
    own = f'[engine.glm]\ncheckpoint = "{desk.path}/glm-tts"\nconfigs = "{desk.path}/glm-tts/configs"\n'
    (desk.path / "config.toml").write_text(_real("\n".join(shown)) if shown else own)


# ------------------------------------------------------------------ Python, TOML, JSON


def _put_engine(name: str, desk: Desk) -> None:
    """Install the package that a page shows the parts of: its module, and its pyproject.toml."""
    projects = [tomllib.loads(block.text) for block in blocks(name) if "[project]" in block.text]
    for project in (cast("dict[str, dict[str, object]]", each["project"]) for each in projects):
        points = cast("dict[str, dict[str, str]]", project["entry-points"])
        metadata = desk.path / "site" / f"{str(project['name']).replace('-', '_')}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        )
        lines = [f"[{group}]\n{key} = {value}\n" for group, of in points.items() for key, value in of.items()]
        (metadata / "entry_points.txt").write_text("".join(lines))
        for target in (value for of in points.values() for value in of.values()):
            module, wanted = target.split(":")
            (source,) = [block.text for block in blocks(name) if f"class {wanted}:" in block.text]
            (desk.path / "site" / f"{module}.py").write_text(source)


@pytest.mark.parametrize("block", every("python"), ids=lambda block: f"{block.page}:{block.line}")
def test_python_that_is_shown_runs_by_itself(block: Block) -> None:
    # What its classes do is looked at in test_docs.py.
    exec(compile(block.text, f"{block.page}:{block.line}", "exec"), {"__name__": "shown"})


@pytest.mark.parametrize("block", every("toml"), ids=lambda block: f"{block.page}:{block.line}")
def test_toml_that_is_shown_is_a_configuration_or_a_project(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "[project]" in block.text:
        assert tomllib.loads(block.text)["project"]["entry-points"].keys() == {"tts_supervisor.engines"}
        return
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shown.toml").write_text(_real(block.text))
    load_config(file=tmp_path / "shown.toml", environ={})


@pytest.mark.parametrize("block", every("yaml"), ids=lambda block: f"{block.page}:{block.line}")
def test_yaml_that_is_shown_is_yaml_and_its_figures_are_those_of_the_page(block: Block) -> None:
    assert isinstance(yaml.safe_load(block.text), dict)
    named = set(re.findall(r"\btts_supervisor_([a-z_]+)", block.text))
    rows = "".join(re.findall(r"^\| (`[a-z_]+.*?) \|", page(block.page), re.MULTILINE))
    assert named <= set(re.findall(r"`([a-z_]+)[`{]", rows))


@pytest.mark.parametrize("block", every("ini"), ids=lambda block: f"{block.page}:{block.line}")
def test_a_unit_that_is_shown_is_one(block: Block) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read_string(block.text)
    assert set(unit.sections()) <= {"Unit", "Service", "Install", "Socket"}


@pytest.mark.parametrize("block", every("json"), ids=lambda block: f"{block.page}:{block.line}")
def test_json_that_is_shown_is_json(block: Block) -> None:
    try:
        json.loads(block.text)
    except json.JSONDecodeError:
        # One object a line, as on the wire.
        for line in filter(str.strip, block.text.splitlines()):
            json.loads(line)


def test_the_entry_for_an_mcp_client_starts_what_it_should() -> None:
    (block,) = [block for block in every("json") if "mcpServers" in block.text]
    (entry,) = json.loads(block.text)["mcpServers"].values()
    assert entry["command"] in tomllib.loads(page("pyproject.toml"))["project"]["scripts"]
    arguments = make_parser().parse_args(entry["args"])
    assert (arguments.command, arguments.stdio) == ("serve", True)


def test_the_alert_that_is_shown_is_one() -> None:
    (block,) = [block for block in blocks("docs/operations.md") if '"event": "recycle"' in block.text]
    assert msgspec.json.decode(block.text, type=AlertEvent).event == "recycle"


def test_keys_that_are_shown_in_passing_are_keys() -> None:
    # `memory.record=night.jsonl`, `child.start = "cold"`: in the text as well as in blocks.
    tables = {key.partition(".")[0] for key in KEYS}
    shown = re.compile(rf"\b((?:{'|'.join(tables)})\.[a-z_]+(?:\.[a-z_]+)*) ?=[ '\"\w\[{{]")
    found = {(name, key) for name in pages() for key in shown.findall(page(name))}
    assert {
        (name, key) for name, key in found if key not in KEYS and not key.startswith("engine.hum")
    } == set()
    assert len(found) > 10
