"""What the documents say is what the code does."""

import importlib.metadata
import itertools
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol, cast, get_args, get_type_hints

import pytest

from child.engine import Audio, Engine, SettingsError, Utterance
from supervisor.cli.parser import make_parser
from supervisor.config.checks import FAULT_KINDS
from supervisor.config.keys import KEYS
from supervisor.config.reload import When, when
from supervisor.core.lifecycle import draw
from supervisor.core.notes import ChildState
from supervisor.edge.devices import seen_and_mend
from supervisor.edge.driver import unknown_for
from supervisor.errors import SupervisorError
from supervisor.log import EVENTS
from supervisor.loop.alerting import AlertEvent
from supervisor.loop.health import Ailment, Signs
from supervisor.loop.service import ChildStatus, ErrorKind, ServiceState, Status, Totals
from supervisor.loop.signals import STOPS
from supervisor.loop.statusline import in_words
from supervisor.wire.messages import FromChild, FromParent, Vitals
from tests.blocks import every, pages
from tests.tree import named, page, tracked

# ------------------------------------------------------------------ documents


def first_cells(text: str) -> set[str]:
    return set(re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE))


def flat(table: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Dotted keys; the one key whose value is itself a table is a leaf."""
    leaves: dict[str, object] = {}
    for name, value in table.items():
        key = prefix + name
        if isinstance(value, dict) and key not in KEYS:
            leaves |= flat(cast("Mapping[str, object]", value), f"{key}.")
        else:
            leaves[key] = value
    return leaves


def test_config_toml_holds_exactly_the_keys_that_are_known() -> None:
    assert flat(tomllib.loads(page("config.toml"))).keys() == KEYS.keys()


def test_every_key_is_documented_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `([a-z_.]+)` \| `([^`]*)` \|", page("docs/operations.md"), re.MULTILINE))
    shipped = flat(tomllib.loads(page("config.toml")))
    documented = {key: tomllib.loads(f"value = {rows[key]}")["value"] for key in shipped.keys() & rows.keys()}
    assert documented == shipped


def test_every_message_is_documented() -> None:
    tags = {message.__struct_config__.tag for message in (*get_args(FromParent), *get_args(FromChild))}
    assert first_cells(page("docs/wire.md")) == tags


def test_every_log_event_is_documented_as_it_is_described() -> None:
    rows = dict(re.findall(r"^\| `([a-z_.]+)` \| (.*) \|$", page("docs/operations.md"), re.MULTILINE))
    assert {event: rows.get(event) for event in EVENTS} == EVENTS


def section(name: str, heading: str) -> str:
    """A section of a page, without those below it."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", page(name), re.MULTILINE | re.DOTALL)
    assert found is not None, f"{name} has no section {heading!r}"
    return found[1]


def exit_codes() -> set[int]:
    """Those of interface §1: of every error, of a job that is done, of one that is done in part."""
    waiting, codes = [SupervisorError], {0, 3}
    while waiting:
        error = waiting.pop()
        codes.add(error.exit_code)
        waiting.extend(error.__subclasses__())
    return codes


def test_every_exit_code_is_documented_and_no_other() -> None:
    for name, heading in (("docs/operations.md", "Exit codes"), ("README.md", "Narrate")):
        rows = re.findall(r"^\| ([\d, ]+) \|", section(name, heading), re.MULTILINE)
        documented = {int(code) for row in rows for code in row.split(",")}
        assert documented == exit_codes(), name


def test_every_signal_that_is_taken_is_documented() -> None:
    shown = section("docs/operations.md", "Signals")
    assert {number.name for number in STOPS if f"{number.name}" not in shown} == set()


def test_every_alert_is_documented_and_no_other() -> None:
    events = get_args(get_type_hints(AlertEvent)["event"])
    assert first_cells(section("docs/operations.md", "Alerts")) == set(events)


def test_every_fault_that_can_be_rehearsed_is_documented_and_no_other() -> None:
    assert first_cells(section("docs/operations.md", "Rehearsal")) == set(FAULT_KINDS)


def test_every_state_of_a_service_is_documented() -> None:
    shown = page("docs/commands.md")
    assert {state for state in get_args(ServiceState) if f"`{state}`" not in shown} == set()


def test_the_status_lines_that_are_shown_are_as_they_are_written() -> None:
    signs = Signs()
    gone = "killed by SIGSEGV (segmentation fault)"
    signs.note(ChildState(life=3, state="gone", why=gone, signal="SIGSEGV", memory={}), 0.0)
    words, mend = seen_and_mend(unknown_for(15).text)
    lost = Ailment(kind="gpu_lost", words=words, mend=mend, since="", stops=True)
    child = ChildStatus(pid=4242, life=1, ready=True, device="cuda:0", segments=17, memory={})
    statuses = [
        Status(state="idle", child=child, queue=0, lives=[], totals=Totals()),
        Status(state="recycling", child=None, queue=2, lives=[], totals=Totals(), health=signs.ailments),
        Status(state="gpu_lost", why=words, child=child, queue=0, lives=[], totals=Totals(), health=[lost]),
    ]
    (block,) = every("text")
    assert block.page == "docs/service.md"
    assert block.text.splitlines() == [in_words(status) for status in statuses]


def test_every_kind_of_error_of_a_service_is_documented_with_what_to_do() -> None:
    assert first_cells(section("docs/operations.md", "What a service answers")) == set(get_args(ErrorKind))


def test_when_a_changed_key_takes_effect_is_documented_as_it_is() -> None:
    words: dict[str, When] = {
        "at once": "now",
        "with the next child": "next child",
        "for what is planned from now on": "next job",
        "not before the service is started again": "restart",
    }
    rows = re.findall(r"^\| ([a-z ]+) \| (`.*) \|$", section("docs/operations.md", "Reload"), re.MULTILINE)
    shown = {key: words[time] for time, keys in rows for key in re.findall(r"`([a-z_]+\.[a-z_.*]+)`", keys)}
    assert shown == {key: when(key) for key in KEYS if not key.startswith("engine.")} | {
        "engine.*": "next child"
    }


def test_the_lifecycle_in_the_docs_is_the_one_in_the_table() -> None:
    block = re.search(r"<!-- lifecycle: begin -->\n```\n(.*?)```\n", page("docs/architecture.md"), re.DOTALL)
    assert block is not None
    assert block[1] == draw() + "\n", "run: python docs/draw_lifecycle.py"


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{named(path)}: {target}"
        for path in tracked()
        if path.suffix == ".md"
        for target in re.findall(r"\]\((?!https?://|#)([^)#\s]+)", path.read_text("utf-8"))
        if not (path.parent / target).exists()
    ]
    assert broken == []


# ------------------------------------------------------------------ the READMEs


def shell_blocks(text: str) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[list[str]]:
    """Words after each `tts-supervisor` in the shell blocks of a page."""
    lines = itertools.chain.from_iterable(
        block.replace("\\\n", " ").splitlines() for block in shell_blocks(text)
    )
    parts = itertools.chain.from_iterable(re.split(r"&&|\|(?!\|)|;", line) for line in lines)
    return [found for part in parts if (found := _after_program(part))]


def _after_program(part: str) -> list[str]:
    words = shlex.split(part, comments=True)
    while words and (words[0] == "sudo" or re.match(r"[A-Z_]+=", words[0])):
        del words[0]
    return words[1:] if words and words[0].rpartition("/")[2] == "tts-supervisor" else []


@pytest.mark.parametrize("name", [name for name in ["README.zh-CN.md", *pages()] if commands(page(name))])
def test_every_command_that_is_shown_is_one_that_the_program_takes(name: str) -> None:
    for words in commands(page(name)):
        arguments = make_parser().parse_args(words)  # exits, and says why, if it is none
        assert arguments.command in words


def test_every_command_and_every_option_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    shown = page("docs/commands.md")
    commands = {word for word in spelled(capsys) if not re.search(rf"[`, ]{word}\b", shown)}
    assert commands == set()


def spelled(capsys: pytest.CaptureFixture[str], *above: str) -> set[str]:
    """Names of the commands below `above`, of theirs, and of all their long options, out of `--help`."""
    with pytest.raises(SystemExit):
        make_parser().parse_args([*above, "--help"])
    helped = capsys.readouterr().out
    options = set(re.findall(r"--[a-z-]+", helped)) - {"--help"}
    names = set(re.findall(r"^    ([a-z]+)(?: {2,}|$)", helped, re.MULTILINE))
    return names | options | {word for name in names for word in spelled(capsys, *above, name)}


def test_both_readmes_have_the_same_commands_in_the_same_order() -> None:
    assert shell_blocks(page("README.md")) == shell_blocks(page("README.zh-CN.md"))


@pytest.mark.parametrize("name", ["narrate", "test"])
def test_a_command_that_ci_runs_is_marked_in_both_readmes(name: str) -> None:
    mark = f"<!-- command: {name} -->\n```sh\n"
    for readme in ("README.md", "README.zh-CN.md"):
        assert page(readme).count(mark) == 1


def test_the_engine_that_is_shown_keeps_the_protocol() -> None:
    code = re.search(r"```python\n(.*?)```", page("docs/writing-an-engine.md"), re.DOTALL)
    assert code is not None
    names: dict[str, object] = {}
    exec(code[1], names)  # the page's own example
    engine = cast("type[Engine]", names["Hum"])()
    facts = engine.load({"pitch_hz": 110.0}, device="cpu", voice=None)
    utterance = Utterance(text=facts.canary_text, voice=None, reference=None, seed=0, settings={})
    pieces = list(engine.synthesize(utterance))
    assert {(str(piece.samples.dtype), piece.sample_rate_hz) for piece in pieces} == {("float32", 24_000)}
    assert facts.pace_s_per_char == sum(map(len, (piece.samples for piece in pieces))) / 24_000 / len(
        utterance.text
    )
    assert engine.voices()[0].name == facts.voice
    assert engine.vitals().host_private_bytes > 0
    engine.release_caches()
    with pytest.raises(SettingsError, match=r"engine\.hum has no key 'loud'"):
        engine.load({"loud": True}, device="cpu", voice=None)


class OnTorch(Protocol):
    """What the page's second example has of an engine."""

    def synthesize(self, utterance: Utterance) -> Iterator[Audio]: ...
    def vitals(self) -> Vitals: ...
    def release_caches(self) -> None: ...


def test_the_engine_on_torch_that_is_shown_declares_its_cache() -> None:
    _, code = re.findall(r"```python\n(.*?)```", page("docs/writing-an-engine.md"), re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)  # the page's own example
    engine = cast("Callable[[str], OnTorch]", names["OnTorch"])("cpu")
    for voice in map(str, range(40)):
        utterance = Utterance(text="One, two.", voice=voice, reference=None, seed=0, settings={})
        assert sum(len(piece.samples) for piece in engine.synthesize(utterance)) == 9 * 4_800
    vitals = engine.vitals()
    assert (vitals.declared_bytes, vitals.live_bytes) == (32 * 4, None)
    engine.release_caches()


# ------------------------------------------------------------------ licences


def closure(distribution: str) -> set[str]:
    """Distributions that installing one brings, without extras, as they are installed here."""
    seen: set[str] = set()
    waiting = [distribution]
    while waiting:
        name = waiting.pop()
        for wanted in importlib.metadata.requires(name) or []:
            other = re.split(r"[^\w.-]", wanted, maxsplit=1)[0].lower()
            if "extra ==" not in wanted and other not in seen and _installed(other):
                seen.add(other)
                waiting.append(other)
    return seen


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False  # not for this platform or Python
    return True


def licence_words(name: str) -> str:
    fields = importlib.metadata.metadata(name)
    classifiers = [word for word in fields.get_all("Classifier") or [] if word.startswith("License")]
    return " ".join([*(fields.get_all("License-Expression") or []), *classifiers])


def project_dependencies() -> list[str]:
    project = tomllib.loads(page("pyproject.toml"))["project"]
    return [re.split(r"[^\w.-]", wanted, maxsplit=1)[0].lower() for wanted in project["dependencies"]]


def test_every_copyleft_package_that_is_installed_is_named_on_the_page_of_licences() -> None:
    names = set(project_dependencies())
    names |= {other for name in names for other in closure(name)}
    copyleft = {name for name in names if re.search(r"GPL|General Public", licence_words(name))}
    unnamed = {name for name in copyleft if f"`{name}`" not in page("docs/licences.md")}
    assert copyleft, "soxr declares the LGPL: if nothing is found, the search is broken"
    assert unnamed == set()


@pytest.mark.parametrize("name", ["av", "espeakng-loader", "soundfile", "soxr", "numpy"])
def test_every_package_on_the_page_of_licences_is_still_a_dependency(name: str) -> None:
    assert f"`{name}`" in page("docs/licences.md")
    assert name in project_dependencies()


def test_constraints_pin_every_dependency_exactly() -> None:
    lines = [line for line in page("constraints.txt").splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in lines}
    dev = tomllib.loads(page("pyproject.toml"))["dependency-groups"]["dev"]
    names = {re.split(r"[^\w.-]", wanted, maxsplit=1)[0].lower() for wanted in dev}
    names |= set(project_dependencies())
    names |= {other for name in set(names) for other in closure(name)}
    assert {name.replace("_", "-") for name in names} <= pinned
