"""The recipes for containers agree with the project: what they copy is there, what they run works."""

import difflib
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
import yaml

from supervisor.cli.parser import parse
from supervisor.config import load_config
from supervisor.config.sources import ENV_PREFIX
from supervisor.doors.http.address import parts_of
from supervisor.errors import ConfigError
from tests.processes.http_serving import HttpServing
from tests.processes.serving import scripted_task
from tests.tree import ROOT, page, tracked

RECIPES = ("Dockerfile", "Dockerfile.cuda")
COMPOSED = ("compose.yaml", "compose.cuda.yaml", "examples/compose.home.yaml")

Tree = Mapping[str, object]

# ------------------------------------------------------------------ reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One instruction of a recipe: `COPY`, and what follows it, on one line."""

    word: str
    rest: str


def steps(recipe: str) -> list[Step]:
    """Every instruction, comments left out and continued lines put together."""
    lines = [line for line in page(recipe).splitlines() if not line.lstrip().startswith("#")]
    text = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [Step(word=word, rest=rest) for word, rest in re.findall(r"^([A-Z]+) +(.*)$", text, re.MULTILINE)]


def last_stage(recipe: str) -> list[Step]:
    """What runs, rather than what builds it."""
    found = steps(recipe)
    return found[max(at for at, step in enumerate(found) if step.word == "FROM") :]


def only(found: list[Step], word: str) -> str:
    (rest,) = [step.rest for step in found if step.word == word]
    return rest


def environment(found: list[Step]) -> dict[str, str]:
    words = [word for step in found if step.word == "ENV" for word in shlex.split(step.rest)]
    return dict(word.split("=", 1) for word in words)


def composed(name: str) -> Tree:
    return table(yaml.safe_load(page(name)))


def table(value: object) -> Tree:
    assert isinstance(value, dict), value
    return cast("Tree", value)


def the_service(name: str) -> Tree:
    return table(table(composed(name)["services"])["tts"])


def health_words(recipe: str) -> list[str]:
    """The command of the health check, without the shell that there is none of."""
    _, _, words = only(last_stage(recipe), "HEALTHCHECK").partition(" CMD ")
    return cast("list[str]", json.loads(words))


# ------------------------------------------------------------------ the recipes


@pytest.mark.parametrize("recipe", RECIPES)
def test_all_that_is_copied_is_there_and_let_through(recipe: str) -> None:
    ignored = page(".dockerignore").splitlines()
    let_through = {line[1:] for line in ignored if line.startswith("!")}
    copied = [step.rest.split() for step in steps(recipe) if step.word == "COPY"]
    places = {place for words in copied if not words[0].startswith("--from") for place in words[:-1]}
    assert places == let_through
    assert "*" in ignored
    assert {place for place in places if not (ROOT / place).exists()} == set()


def test_all_that_the_wheel_is_made_of_is_copied() -> None:
    project = tomllib.loads(page("pyproject.toml"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    wanted = {*wheel["packages"], *wheel["force-include"], "pyproject.toml", "constraints.txt"}
    wanted |= {project["project"]["readme"], *project["project"]["license-files"]}
    assert wanted <= {line[1:] for line in page(".dockerignore").splitlines()}


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_base_has_a_python_that_the_project_takes(recipe: str) -> None:
    found = steps(recipe)
    image = re.fullmatch(r"BASE=python:(\d+)\.(\d+)-slim-\w+", found[0].rest)
    assert found[0].word == "ARG"
    assert image is not None
    wanted = tomllib.loads(page("pyproject.toml"))["project"]["requires-python"]
    least = tuple(int(part) for part in wanted.removeprefix(">=").split("."))
    # To 3.13, as constraints.txt has it.
    assert least <= (int(image[1]), int(image[2])) <= (3, 13)
    assert [step.rest for step in found if step.word == "FROM"] == ["${BASE} AS build", "${BASE}"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_extras_are_those_of_the_project_and_every_install_goes_by_the_lock(recipe: str) -> None:
    found = steps(recipe)
    (extras,) = [step.rest for step in found if step.rest.startswith("EXTRAS=")]
    known = tomllib.loads(page("pyproject.toml"))["project"]["optional-dependencies"]
    assert set(extras.removeprefix("EXTRAS=").strip('"').split(",")) <= known.keys()
    installs = [
        command
        for step in found
        if step.word == "RUN"
        for command in step.rest.split("&&")
        if re.search(r"pip.* (?:install|wheel) ", command)
    ]
    assert len(installs) == 5
    assert all("-c constraints.txt" in one or "--no-index" in one for one in installs)
    pinned = {line.partition("==")[0] for line in page("constraints.txt").splitlines()}
    # What builds the package, and what that asks for.
    assert {"hatchling", "setuptools", "packaging", "pathspec", "pluggy", "trove-classifiers"} <= pinned


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_dependencies_that_are_installed_first_are_those_of_the_project(recipe: str) -> None:
    (script,) = re.findall(r'python3 -c "(.*?)" "\$\{EXTRAS\}"', page(recipe), re.DOTALL)
    words = [sys.executable, "-c", script.replace("\\\n", ""), "zeroconf,glm"]
    done = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True)
    project = tomllib.loads(page("pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    assert done.stdout.splitlines() == [*project["dependencies"], *extras["zeroconf"], *extras["glm"]]


@pytest.mark.parametrize("recipe", RECIPES)
def test_it_runs_as_nobody_in_particular_and_brings_no_compiler(recipe: str) -> None:
    found = last_stage(recipe)
    user = only(found, "USER")
    uid = user.partition(":")[0]
    assert uid.isdigit()
    assert int(uid) >= 1000
    assert f"--uid {uid} " in found[1].rest
    after = found[[step.word for step in found].index("USER") :]
    assert {step.word for step in after} & {"RUN", "COPY", "ADD"} == set()
    assert [step for step in found if re.search(r"apt-get|gcc|build-essential|pip", step.rest)] == []


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_folder_that_it_writes_is_a_volume_of_its_own_account(recipe: str) -> None:
    found = last_stage(recipe)
    volumes = cast("list[str]", json.loads(only(found, "VOLUME")))
    made = re.findall(r"install -d -o 10001 -g 10001 -m \d+ ([^&]*)", found[1].rest)
    assert sorted(place for places in made for place in places.split()) == sorted(volumes)
    env = environment(found)
    assert {env["STATE_DIRECTORY"], env["CACHE_DIRECTORY"], only(found, "WORKDIR")} <= set(volumes)
    assert env["HOME"] in volumes
    mounted = [
        str(one).partition(":")[2] for one in cast("list[str]", the_service("compose.yaml")["volumes"])
    ]
    assert sorted(mounted) == sorted(volumes)


def test_the_recipe_for_a_gpu_is_the_other_but_for_what_a_gpu_needs() -> None:
    one, other = ([f"{step.word} {step.rest}" for step in steps(recipe)] for recipe in RECIPES)
    changed = [line for line in difflib.ndiff(one, other) if line[0] in "-+"]
    assert [line for line in changed if line[0] == "-"] == ['- ARG EXTRAS="zeroconf"']
    assert changed[1] == '+ ARG EXTRAS="glm,zeroconf"'
    env = environment([Step(word="ENV", rest=changed[2].removeprefix("+ ENV "))])
    assert set(env["NVIDIA_DRIVER_CAPABILITIES"].split(",")) == {"compute", "utility"}
    assert env["CUDA_CACHE_PATH"].startswith(f"{environment(last_stage(RECIPES[0]))['CACHE_DIRECTORY']}/")
    assert len(changed) == 3


# ------------------------------------------------------------------ what they run


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_command_is_one_that_the_program_takes(recipe: str) -> None:
    found = last_stage(recipe)
    entry = cast("list[str]", json.loads(only(found, "ENTRYPOINT")))
    words = cast("list[str]", json.loads(only(found, "CMD")))
    assert entry == [*tomllib.loads(page("pyproject.toml"))["project"]["scripts"]]
    args = parse(words)
    assert args.command == "serve"
    assert args.http is not None
    _, port = parts_of(args.http)
    assert str(port) in only(found, "EXPOSE").split()
    assert f"'127.0.0.1', {port}," in health_words(recipe)[-1]


@pytest.mark.parametrize("name", COMPOSED)
def test_the_commands_of_compose_are_too(name: str) -> None:
    command = the_service(name).get("command")
    if command is not None:
        args = parse(cast("list[str]", command))
        assert args.http is not None
        assert parts_of(args.http)[1] == 8000


def probed(recipe: str, port: int) -> int:
    """The exit code of the health check, run as it stands but for the port and the interpreter."""
    python, *words = health_words(recipe)
    assert python == "python3"
    words[-1] = words[-1].replace("8000", str(port))
    # A proxy in the environment must not come between.
    env = {"PATH": os.environ["PATH"], "http_proxy": "http://127.0.0.1:9"}
    return subprocess.run([sys.executable, *words], env=env, check=False, capture_output=True).returncode


@pytest.mark.processes
@pytest.mark.parametrize("recipe", RECIPES)
def test_the_health_check_succeeds_while_speech_would_work_and_not_a_moment_longer(
    recipe: str, tmp_path: Path
) -> None:
    with HttpServing(
        scripted_task(tmp_path), where="0.0.0.0:0", TTS_SUPERVISOR_HTTP__API_KEY="k3y"
    ) as service:
        assert probed(recipe, service.port) == 0
        with pytest.raises(OSError, match="401"):
            urllib.request.urlopen(f"{service.url}/metrics")
    assert probed(recipe, service.port) == 1


@pytest.mark.processes
def test_the_health_check_fails_while_the_first_child_loads(tmp_path: Path) -> None:
    task = scripted_task(tmp_path, **{"engine.scripted.load_s": "60.0"})
    service = HttpServing(task)
    try:
        opened = service.until(lambda one: str(one.get("where", "")).startswith("http://"))
        assert probed("Dockerfile", int(str(opened["where"]).rpartition(":")[2])) == 1
    finally:
        service.__exit__(None, None, None)


# ------------------------------------------------------------------ compose


def ours(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(ENV_PREFIX)}


@pytest.mark.parametrize("name", COMPOSED)
def test_every_variable_of_ours_is_a_key_with_a_value_that_it_takes(name: str) -> None:
    env = ours(cast("dict[str, str]", the_service(name).get("environment", {})))
    load_config(file=ROOT / "config.toml", environ=env)
    with pytest.raises(ConfigError, match="unknown key"):
        load_config(file=ROOT / "config.toml", environ={**env, f"{ENV_PREFIX}HTTP__NO_SUCH": "1"})


def test_the_service_may_write_files_where_requests_may_name_them_and_is_called_by_its_name() -> None:
    service = the_service("compose.yaml")
    config = load_config(
        file=ROOT / "config.toml", environ=ours(cast("dict[str, str]", service["environment"]))
    )
    assert config.http.output_folders == ("/audio",)
    assert service["hostname"] in config.http.hosts
    assert set(config.http.hosts) == set(table(composed("compose.yaml")["services"]))
    (secret,) = cast("list[str]", service["secrets"])
    assert config.http.api_key_file == f"/run/secrets/{secret}"
    assert config.http.api_key == ""
    file = Path(str(table(table(composed("compose.yaml")["secrets"])[secret])["file"]))
    assert f"/{file.name}" in page(".gitignore").splitlines()


def test_it_can_do_little_and_is_reached_from_this_machine_alone() -> None:
    service = the_service("compose.yaml")
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in service
    assert all(str(one).startswith("127.0.0.1:") for one in cast("list[str]", service["ports"]))
    # As the unit has it (TimeoutStopSec).
    assert service["stop_grace_period"] == "90s"
    home = table(composed("examples/compose.home.yaml")["services"])
    published = [port for one in home.values() for port in cast("list[str]", table(one).get("ports", []))]
    assert all(str(port).startswith("127.0.0.1:") for port in published)


def test_a_card_is_asked_for_where_the_recipe_for_it_is_built() -> None:
    service = the_service("compose.cuda.yaml")
    assert table(service["build"])["dockerfile"] == "Dockerfile.cuda"
    resources = table(table(table(service["deploy"])["resources"])["reservations"])
    (device,) = cast("list[Tree]", resources["devices"])
    assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}


@pytest.mark.parametrize("name", COMPOSED[1:])
def test_what_is_laid_over_has_no_name_of_its_own_for_what_is_below(name: str) -> None:
    # A volume that is used is declared; the service over which it is laid has the same name.
    below, above = composed("compose.yaml"), composed(name)
    assert "tts" in table(below["services"])
    declared = {*table(below["volumes"]), *table(above.get("volumes", {}))}
    services = [table(one) for one in table(above["services"]).values()]
    used = {
        str(one).partition(":")[0]
        for service in services
        for one in cast("list[str]", service.get("volumes", []))
    }
    assert used <= declared


def test_what_docs_say_of_files_and_folders_is_so() -> None:
    shown = page("docs/docker.md")
    names = {*RECIPES, *COMPOSED}
    assert {name for name in names if f"`{name}`" not in shown and f"[{name}]" not in shown} == set()
    assert {path.name for path in tracked() if path.name.startswith(("Dockerfile", "compose."))} == {
        Path(name).name for name in names
    }
    found = last_stage("Dockerfile")
    volumes = set(cast("list[str]", json.loads(only(found, "VOLUME"))))
    rows = set(re.findall(r"^\| `(/[^`]+)` \|", shown, re.MULTILINE))
    assert rows == volumes | {"/tmp", f"{environment(found)['CONFIGURATION_DIRECTORY']}/config.toml"}
    assert f"uid {only(found, 'USER').partition(':')[0]}" in shown
