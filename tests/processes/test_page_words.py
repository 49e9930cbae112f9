"""What the page says: the same in both languages, and a word for everything that the service may name."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import cast, get_args

import pytest

from supervisor.core.decisions import Act, Policy
from supervisor.core.lifecycle import State
from supervisor.core.notes import ChildStateName
from supervisor.loop.health import AilmentKind
from supervisor.loop.service import ServiceState
from tests.standin.tools import put_node
from tests.tree import ROOT

PAGE = ROOT / "supervisor" / "page"

Table = dict[str, str]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with Node, and with the page as modules."""
    folder = tmp_path_factory.mktemp("node")
    put_node(folder)
    shutil.copytree(PAGE, folder / "page")
    (folder / "page" / "package.json").write_text('{"type": "module"}')
    return folder


def run(node: Path, script: str) -> object:
    """What a script beside the page's modules prints, as JSON."""
    env = os.environ | {"PATH": f"{node}{os.pathsep}{os.environ['PATH']}"}
    words = ["node", "--input-type=module", "--eval", script]
    said = subprocess.run(words, cwd=node / "page", env=env, check=True, capture_output=True)
    return json.loads(said.stdout)


@pytest.fixture(scope="module")
def tables(node: Path) -> dict[str, Table]:
    script = 'import { WORDS } from "./words.js"; console.log(JSON.stringify(WORDS));'
    return cast("dict[str, Table]", run(node, script))


def scripts() -> str:
    return "\n".join(path.read_text("utf-8") for path in sorted(PAGE.glob("*.js")) if path.name != "words.js")


def test_both_languages_have_the_same_words_and_the_same_places_in_them(tables: dict[str, Table]) -> None:
    assert set(tables) == {"en", "zh"}
    assert list(tables["en"]) == list(tables["zh"])
    for word, text in tables["en"].items():
        places = [set(re.findall(r"\{(\w+)\}", one)) for one in (text, tables["zh"][word])]
        assert places[0] == places[1], word
    assert all(text.strip() for table in tables.values() for text in table.values())


def test_chinese_is_chinese_save_for_names(tables: dict[str, Table]) -> None:
    bare = {word: re.sub(r"\{\w+\}", "", text) for word, text in tables["zh"].items()}
    foreign = {
        word for word, text in bare.items() if re.search(r"[a-z]", text) and not re.search(r"[一-鿿]", text)
    }
    assert foreign == {"language.other"}


def test_every_word_that_is_asked_for_is_there(tables: dict[str, Table]) -> None:
    asked = set(re.findall(r'\bsay\(\s*"([^"]+)"', scripts()))
    asked |= {f"count.{one}" for one in re.findall(r'\bcount\("([^"]+)"', scripts())}
    asked |= set(re.findall(r'data-word="([^"]+)"', (PAGE / "index.html").read_text("utf-8")))
    asked |= set(re.findall(r'"((?:verdict|broom|memory|child|figures|try)\.[a-z.]+)"', scripts()))
    assert asked - tables["en"].keys() == set()


def test_every_word_is_asked_for(tables: dict[str, Table]) -> None:
    text = scripts() + (PAGE / "index.html").read_text("utf-8")
    families = (
        set(re.findall(r'\bname\("(\w+)"', text)) | set(re.findall(r"[`\"](\w+)\.\$\{", text)) | {"count"}
    )
    unused = [word for word in tables["en"] if f'"{word}"' not in text and word.split(".")[0] not in families]
    assert unused == []


@pytest.mark.parametrize(
    ("family", "names"),
    [
        ("state", get_args(ServiceState)),
        ("ail", get_args(AilmentKind)),
        ("slot", (*get_args(ChildStateName), *(one.name.lower() for one in State))),
        ("decided", get_args(Act)),
        ("says", ("keep", *get_args(Act))),
        ("policy", get_args(Policy)),
        ("job", ("queued", "running", "paused", "parked", "done", "failed", "cancelled")),
        ("job", ("pause", "resume", "cancel", "retry", "listen")),
    ],
)
def test_everything_that_the_service_names_has_a_word(
    tables: dict[str, Table], family: str, names: Iterable[str]
) -> None:
    assert {f"{family}.{one}" for one in names} - tables["en"].keys() == set()


# ------------------------------------------------------------------ what is worked out


def test_a_verdict_is_found_for_every_state_and_never_better_than_the_state_is(node: Path) -> None:
    script = """
    import { judge } from "./standing.js";
    const found = {};
    for (const state of STATES)
      for (const ready of [true, false])
        for (const stops of [null, false, true]) {
          const health = stops === null ? [] : [{ stops }];
          found[`${state} ${ready} ${stops}`] = judge("open", { state, ready, health }).tone;
        }
    found.lost = judge("lost", null).tone;
    found.asking = judge("asking", null).tone;
    console.log(JSON.stringify(found));
    """
    states = json.dumps(get_args(ServiceState))
    tones = cast("dict[str, str]", run(node, script.replace("STATES", states)))
    well = {case for case, tone in tones.items() if tone == "ok"}
    hopeless = ("gpu_lost", "driver_does_not_let_go", "cannot_be_killed", "gave_up")
    troubled = (*hopeless, "paused", "waiting_for_memory")
    assert well == {f"{state} true null" for state in get_args(ServiceState) if state not in troubled}
    for state in hopeless:
        assert tones[f"{state} false null"] == "bad"
    assert tones["idle false true"] == tones["lost"] == "bad"
    assert tones["idle true false"] == "warn"
    assert tones["starting false null"] == tones["asking"] == "wait"


def test_events_are_the_same_however_they_are_cut(node: Path) -> None:
    script = r"""
    import { Events } from "./service.js";
    const text = ": \n\nevent: all\ndata: {\"a\": 1}\n\n: \nevent: job\r\ndata: {\"name\": \"x: y\"}\r\n\r\n";
    const told = [];
    for (let cut = 0; cut <= text.length; cut += 1) {
      const seen = [];
      const events = new Events((name, content) => seen.push([name, content]));
      events.take(text.slice(0, cut));
      events.take(text.slice(cut));
      told.push(JSON.stringify(seen));
    }
    console.log(JSON.stringify([...new Set(told)]));
    """
    (told,) = cast("list[str]", run(node, script))
    assert json.loads(told) == [["all", {"a": 1}], ["job", {"name": "x: y"}]]


def test_the_picture_reaches_to_the_marks_once_they_are_near_and_loses_no_peak(node: Path) -> None:
    script = """
    import { thinned, topOf } from "./scale.js";
    const MIB = 2 ** 20;
    const series = { marks_of: "child", total: 8000 * MIB, marks: { soft: 400 * MIB, hard: 500 * MIB } };
    const points = Array.from({ length: 3000 }, (_, at) => [at, (at === 1234 ? 90 : 40) * MIB, null]);
    const few = thinned(series, points, 0, 3000, 100);
    const gpu = { marks_of: "all", total: 1000 * MIB, marks: { soft: 850 * MIB, hard: 950 * MIB } };
    const top = (one, ours, others) => topOf(one, [[0, ours * MIB, others * MIB]]) / MIB;
    console.log(JSON.stringify({
      far: topOf(series, points) / MIB, near: top(series, 130, 0), over: top(series, 700, 0),
      card: top(gpu, 200, 100), few: few.length, most: Math.max(...few.map((point) => point[1])) / MIB,
    }));
    """
    found = cast("dict[str, float]", run(node, script))
    assert 90 < found["far"] < 200
    assert found["near"] > 500
    assert found["over"] > 700
    assert found["card"] >= 1000
    assert (found["few"], found["most"]) == (100, 90)


def test_jobs_stand_in_the_order_in_which_they_matter(node: Path) -> None:
    script = """
    import { actsOf, inOrder } from "./jobs.js";
    const states = ["done", "failed", "queued", "running", "queued", "paused", "cancelled"];
    const jobs = states.map((state, at) => ({ job: at, state, failed: 0, done: Number(state === "done") }));
    console.log(JSON.stringify({
      order: inOrder(jobs).map((job) => job.job), acts: inOrder(jobs).map((job) => actsOf(job).join(" ")),
      partly: actsOf({ state: "done", failed: 2, done: 1 }),
    }));
    """
    found = cast("dict[str, list[object]]", run(node, script))
    assert found["order"] == [3, 5, 2, 4, 6, 1, 0]
    waits = "pause cancel"
    assert found["acts"] == [waits, "resume cancel", waits, waits, "retry", "retry", "listen"]
    assert found["partly"] == ["retry", "listen"]
